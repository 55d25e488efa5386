/*
 * The directory of a comparison, STATE-ROOT/-compare/TOKEN: configurations and pid files. It is
 * locked as long as the comparison lives, and its containers have TOKEN in their ids, so that the
 * next comparison finds what one that was killed has left, and takes it away.
 */
#pragma once

struct ctr_bench;
struct ctr_error;

/* Make it: ->token, ->dir and ->lock. 0, or -1 and @err. */
int ctr_scratch_make(struct ctr_bench *bench, struct ctr_error *err);
/* Remove it, if it was made. */
void ctr_scratch_remove(struct ctr_bench *bench);

/* Delete the containers and directories of comparisons that live no more in this state root. What
 * was found is told in the log, as a warning. */
void ctr_scratch_sweep(struct ctr_bench *bench);
