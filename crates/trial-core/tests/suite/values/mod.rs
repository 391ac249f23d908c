//! Values at the boundary: accepted and refused spellings, and equal ones.

mod access_code;
mod company;
mod email;
mod phone;
mod properties;
mod submitted_code;
