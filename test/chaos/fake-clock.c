/* A wall clock that is off by what a file says, for the process into which it is preloaded; monotonic clocks stay true. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The file holds one number, the milliseconds to add, and is mapped: looking at it costs nothing. */
static int64_t offset_ms(void) {
  static volatile int64_t *mapped;
  static volatile int tried;
  if (!tried) {
    const char *path = getenv("FAKE_CLOCK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *found = file < 0 ? MAP_FAILED : mmap(0, sizeof *mapped, PROT_READ, MAP_SHARED, file, 0);
    if (found != MAP_FAILED) mapped = found;
    if (file >= 0) close(file);
    tried = 1;
  }
  return mapped ? *mapped : 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = (int)syscall(SYS_clock_gettime, clock, time);
  if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
  int64_t ms = offset_ms();
  int64_t ns = (int64_t)time->tv_nsec + ms % 1000 * 1000000;
  time->tv_sec += ms / 1000 + (ns >= 1000000000) - (ns < 0);
  time->tv_nsec = ns - ((ns >= 1000000000) - (ns < 0)) * 1000000000LL;
  return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec time;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &time);
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *now) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  if (now) *now = exact.tv_sec;
  return exact.tv_sec;
}
