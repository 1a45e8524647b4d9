//! Which hosts, variables and paths a run may touch. Only this file makes an [`Allowed`].
