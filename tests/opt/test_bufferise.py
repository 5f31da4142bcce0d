"""Bufferised functions mean the same when writes happen in place, and copy no more than needed."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.opt.destructive import execute
from tests.opt.random_functions import arguments, random_function

from stagec.ir.core import Op
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.parser import parse
from stagec.ir.verifier import verify
from stagec.opt.bufferise import Copy, bufferise
