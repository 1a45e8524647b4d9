//! `requests.parquet` in and out; with `metric`, the only room that names `polars`.
