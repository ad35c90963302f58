/**
 * The version of the program, in one place.
 *
 * @module
 */

/** The version, as in semver.org. */
export const VERSION = "0.1.0";
