#include "bad_disk.h"

#include "base/memory.h"

#include <sqlite3.h>

enum { BUSY_MS = 6000 }; /* more than STORE_BUSY_TIMEOUT_MS */

struct bad_disk bad_disk;

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *real_vfs;

static sqlite3_file *real(sqlite3_file *file)
{
    return ((struct file *)file)->real;
}

/* Does this operation meet the fault?  Locks meet DISK_BUSY alone, writes all others. */
static bool strikes(bool lock)
{
    if (bad_disk.fault == DISK_GOOD || bad_disk.struck || (bad_disk.fault == DISK_BUSY) != lock ||
        --bad_disk.at > 0)
        return false;
    bad_disk.struck = true;
    bad_disk.busy_left_ms = lock ? BUSY_MS : 0;
    if (bad_disk.fault == DISK_KILL)
        bad_disk.kill(bad_disk.context);
    return bad_disk.fault != DISK_KILL;
}

static int bad_close(sqlite3_file *file)
{
    return real(file)->pMethods->xClose(real(file));
}

static int bad_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 offset)
{
    return real(file)->pMethods->xRead(real(file), bytes, size, offset);
}

static int bad_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    if (strikes(false))
        return bad_disk.fault == DISK_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    return real(file)->pMethods->xWrite(real(file), bytes, size, offset);
}

static int bad_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return real(file)->pMethods->xTruncate(real(file), size);
}

static int bad_sync(sqlite3_file *file, int flags)
{
    if (strikes(false))
        return bad_disk.fault == DISK_FULL ? SQLITE_FULL : SQLITE_IOERR_FSYNC;
    return real(file)->pMethods->xSync(real(file), flags);
}

static int bad_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real(file)->pMethods->xFileSize(real(file), size);
}

static int bad_lock(sqlite3_file *file, int lock)
{
    return real(file)->pMethods->xLock(real(file), lock);
}

static int bad_unlock(sqlite3_file *file, int lock)
{
    return real(file)->pMethods->xUnlock(real(file), lock);
}

static int bad_reserved(sqlite3_file *file, int *result)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), result);
}

static int bad_control(sqlite3_file *file, int operation, void *argument)
{
    return real(file)->pMethods->xFileControl(real(file), operation, argument);
}

static int bad_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int bad_device(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int bad_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}

static int bad_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    if ((flags & SQLITE_SHM_LOCK) != 0 && (flags & SQLITE_SHM_EXCLUSIVE) != 0 &&
        (bad_disk.busy_left_ms > 0 || strikes(true)))
        return SQLITE_BUSY;
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}

static void bad_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int bad_shm_unmap(sqlite3_file *file, int delete_it)
{
    return real(file)->pMethods->xShmUnmap(real(file), delete_it);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* no memory-mapped reads */
    .xClose = bad_close,
    .xRead = bad_read,
    .xWrite = bad_write,
    .xTruncate = bad_truncate,
    .xSync = bad_sync,
    .xFileSize = bad_size,
    .xLock = bad_lock,
    .xUnlock = bad_unlock,
    .xCheckReservedLock = bad_reserved,
    .xFileControl = bad_control,
    .xSectorSize = bad_sector,
    .xDeviceCharacteristics = bad_device,
    .xShmMap = bad_shm_map,
    .xShmLock = bad_shm_lock,
    .xShmBarrier = bad_shm_barrier,
    .xShmUnmap = bad_shm_unmap,
};

static int bad_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    struct file *ours = (struct file *)file;
    int code;

    (void)vfs;
    ours->real = (sqlite3_file *)(void *)(ours + 1);
    code = real_vfs->xOpen(real_vfs, name, ours->real, flags, ret_flags);
    ours->base.pMethods = code == SQLITE_OK ? &methods : NULL;
    return code;
}

/* Nobody really waits. */
static int bad_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    bad_disk.busy_left_ms -= (microseconds + 999) / 1000;
    return microseconds;
}

void bad_disk_install(void)
{
    static sqlite3_vfs vfs;

    real_vfs = sqlite3_vfs_find(NULL);
    if (real_vfs == &vfs)
        return;
    vfs = *real_vfs;
    vfs.zName = "bad-disk";
    vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    vfs.xOpen = bad_open;
    vfs.xSleep = bad_sleep;
    sqlite3_vfs_register(&vfs, 1);
}
