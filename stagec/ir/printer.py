def to_text(fn): return ""
