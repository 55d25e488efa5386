/* A terminal of the host's that stands for one in a guest. */
#pragma once

/* Make a pair that passes every byte as it is: the terminal that matters is the guest's. The slave
 * becomes the controlling terminal of the calling session leader, which so hears of new sizes; it
 * does not block. 0, or -errno with nothing open. */
int ctr_terminal_open(int *master, int *slave);
