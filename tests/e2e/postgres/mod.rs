//! Several instances of the service on one PostgreSQL server.

mod chaos;
mod clock;
mod linear;
mod load;
mod moved;
mod network;
mod readiness;
mod several;
mod site;
mod startup;
