"""A class of submissions, graded: from the zip of a learning platform to points and feedback."""
