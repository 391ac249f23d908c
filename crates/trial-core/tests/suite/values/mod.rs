//! Values at the boundary: what is taken, what is refused, and which spellings are one.

mod access_code;
mod company;
mod email;
mod phone;
mod properties;
mod submitted_code;
