//! Files made by hand, files made to harm, and files of a common encoder.

mod encoders;
mod fixture;
mod handmade;
mod hostile;
