//! Room groups (RFC 9420) by OpenMLS: a bag of values for each group, one operation at a time, and the checks that are ours.
