// Four evals of GradBench with their derivatives written by hand.
// g++ -O3 -march=native -shared -fPIC
#include <cmath>
#include <vector>

extern "C" {

double llsq(const double* x, int m, int n, double* bar) {
    double total = 0;
    for (int j = 0; bar && j < m; j++) bar[j] = 0;
    std::vector<double> r(n), t(n);
    for (int i = 0; i < n; i++) t[i] = -1 + 2.0 * i / (n - 1);
    for (int j = m - 1; j >= 0; j--)
        for (int i = 0; i < n; i++) r[i] = r[i] * t[i] + x[j];
    for (int i = 0; i < n; i++) {
        r[i] = ((t[i] > 0) - (t[i] < 0)) - r[i];
        total += r[i] * r[i];
    }
    for (int j = 0; bar && j < m; j++) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += r[i];
            r[i] *= t[i];
        }
        bar[j] = -sum;
    }
    return total / 2;
}

double lse(const double* x, int n, double* bar) {
    double largest = x[0], sum = 0;
    for (int i = 1; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    for (int i = 0; i < n; i++) {
        double e = std::exp(x[i] - largest);
        sum += e;
        if (bar) bar[i] = e;
    }
    for (int i = 0; bar && i < n; i++) bar[i] /= sum;
    return largest + std::log(sum);
}

static double minors(const double* A, int ell, int row, int free, double before, double* bar) {
    if (row == ell) return 1;
    double total = 0, sign = 1;
    for (int column = 0; column < ell; column++) {
        if (!(free >> column & 1)) continue;
        double a = A[row * ell + column];
        double rest = minors(A, ell, row + 1, free ^ (1 << column), before * sign * a, bar);
        if (bar) bar[row * ell + column] += before * sign * rest;
        total += sign * a * rest;
        sign = -sign;
    }
    return total;
}

double det(const double* A, int ell, double* bar) {
    for (int i = 0; bar && i < ell * ell; i++) bar[i] = 0;
    return minors(A, ell, 0, (1 << ell) - 1, 1, bar);
}

double kmeans(const double* points, const double* centroids, int n, int k, int d, double* dir) {
    double total = 0;
    std::vector<double> count(dir ? k * d : 0);
    for (int i = 0; dir && i < k * d; i++) dir[i] = 0;
    for (int i = 0; i < n; i++) {
        double least = INFINITY;
        int nearest = 0;
        for (int c = 0; c < k; c++) {
            double distance = 0;
            for (int j = 0; j < d; j++) {
                double difference = centroids[c * d + j] - points[i * d + j];
                distance += difference * difference;
            }
            if (distance < least) least = distance, nearest = c;
        }
        total += least;
        for (int j = 0; dir && j < d; j++) {
            dir[nearest * d + j] += 2 * (centroids[nearest * d + j] - points[i * d + j]);
            count[nearest * d + j] += 2;
        }
    }
    for (int i = 0; dir && i < k * d; i++) dir[i] /= count[i];
    return total;
}
}
