/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef TIME_SEAM_H
#define TIME_SEAM_H 1

/* A clock that a test sets: the linker's --wrap leads calls of time_msec()
 * here.  (Open vSwitch's "time/stop" and "time/warp" need a daemon to ask.)
 * poll_block() goes on by the real one. */

/* From now on time_msec() returns 'msec'.  Only while there is one thread. */
void time_stop(long long int msec);
long long int time_real_msec(void);

#endif /* tests/time-seam.h */
