//! The machine from outside: CPU, kernel, descriptors, versions.
