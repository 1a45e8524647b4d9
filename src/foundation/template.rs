//! Strict Jinja with fuel, and expressions; the only file that names `minijinja`.
