//! Slices in, numbers out: quantiles, intervals, tests. Knows no metric and no file.
