/* clone3(2) for processes that share ctr's memory. */
#pragma once

struct clone_args;

/*
 * clone3(2) onto the stack of @args, where @fn runs; its return value is the exit status. Returns
 * like the system call in the caller. On shared memory @fn makes raw system calls only.
 */
long ctr_clone_onto_stack(struct clone_args *args, int (*fn)(void *), void *arg);
