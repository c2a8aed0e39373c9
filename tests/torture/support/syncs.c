/*
 * What of a file is on the disk, as far as its writer made sure: LD_PRELOADed into a browser, this writes a line into the file
 * that $SYNCS names for each successful sync of a database file, and for each database file that is removed.
 *
 *   sync DEVICE INODE SIZE PATH
 *   gone DEVICE INODE 0 PATH
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_database(const char *path) {
  return strstr(path, "/IndexedDB/") != NULL || strstr(path, "/idb/") != NULL || strstr(path, "/indexeddb/") != NULL;
}

static void record(const char *what, const struct stat *file, off_t size, const char *path) {
  const char *records = getenv("SYNCS");
  char line[4400];
  int length, out;
  if (records == NULL || !is_database(path)) return;
  length = snprintf(line, sizeof line, "%s %lu %lu %lld %s\n", what, (unsigned long)file->st_dev, (unsigned long)file->st_ino, (long long)size, path);
  if (length <= 0 || (size_t)length >= sizeof line) return;
  /* System calls, not functions: those may be somebody else's by now. */
  out = (int)syscall(SYS_openat, AT_FDCWD, records, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (out < 0) return;
  syscall(SYS_write, out, line, (size_t)length);
  syscall(SYS_close, out);
}

static int synced(int fd, long result, off_t size) {
  char link[64], path[4096];
  struct stat file;
  int error = errno;
  ssize_t length;
  if (result == 0) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length > 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode)) {
      path[length] = 0;
      record("sync", &file, size, path);
    }
  }
  errno = error;
  return (int)result;
}

/* The size before the call: what is written while it runs need not be covered. */
static off_t size_of(int fd) {
  struct stat file;
  return fstat(fd, &file) == 0 ? file.st_size : 0;
}

int fsync(int fd) {
  off_t size = size_of(fd);
  return synced(fd, syscall(SYS_fsync, fd), size);
}

int fdatasync(int fd) {
  off_t size = size_of(fd);
  return synced(fd, syscall(SYS_fdatasync, fd), size);
}

/* An inode's number is given to the next file, which has nothing on the disk yet. */
static void leaving(int folder, const char *path) {
  char full[4096], link[64], base[4096];
  struct stat file;
  int error = errno;
  if (fstatat(folder, path, &file, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(file.st_mode) && file.st_nlink == 1) {
    if (path[0] == '/' || folder == AT_FDCWD) {
      record("gone", &file, 0, path);
    } else {
      ssize_t length;
      snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
      length = readlink(link, base, sizeof base - 1);
      if (length > 0) {
        base[length] = 0;
        if ((size_t)snprintf(full, sizeof full, "%s/%s", base, path) < sizeof full) record("gone", &file, 0, full);
      }
    }
  }
  errno = error;
}

int unlink(const char *path) {
  leaving(AT_FDCWD, path);
  return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int unlinkat(int folder, const char *path, int flags) {
  if (!(flags & AT_REMOVEDIR)) leaving(folder, path);
  return (int)syscall(SYS_unlinkat, folder, path, flags);
}

int rename(const char *from, const char *to) {
  leaving(AT_FDCWD, to);
  return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
