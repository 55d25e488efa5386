/* Image and work directories. */
#include "criu/images.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "criu/pages.h"
#include "oci/checkpoint.h"
#include "oci/encode.h"

static const char document[] = "ctr.json", descriptors[] = "descriptors.json";

enum { DOCUMENT_MAX = 1 << 20 };

static int open_dir(const char *path, int flags)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
}

/* A descriptor, or -1 and @err. @flags: O_NOFOLLOW, where others could have made the last part. */
static int make_dir(const char *path, const char *flag, int flags, bool *made,
		    struct ctr_arena *arena, struct ctr_error *err)
{
	char *copy = ctr_arena_strdup(arena, path);
	int fd;

	if (path[0] == '\0')
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "%s: empty path", flag);

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "%s: cannot make '%s'", flag,
					copy);
		*slash = '/';
	}
	*made = mkdir(path, 0700) == 0;
	fd = *made || errno == EEXIST ? open_dir(path, flags) : -1;
	return fd >= 0 ? fd
		       : ctr_fail(err, CTR_FAULT_HOST, errno, "%s: cannot make '%s'", flag, path);
}

static bool is_image(const char *name)
{
	size_t len = strlen(name);

	return (len > 4 && strcmp(name + len - 4, ".img") == 0) || strcmp(name, "parent") == 0 ||
	       strcmp(name, "stats-dump") == 0 || strcmp(name, document) == 0 ||
	       strcmp(name, descriptors) == 0;
}

static DIR *list_dir(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (!list)
		ctr_close_ptr(&fd);
	return list;
}

/* Files that would be removed as images, and nothing that says that they are of a checkpoint. */
static bool has_foreign_images(int dir)
{
	_cleanup_dir_ DIR *list = list_dir(dir);
	const struct dirent *entry;

	if (faccessat(dir, document, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    faccessat(dir, "inventory.img", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return false;
	while (list && (entry = readdir(list)))
		if (is_image(entry->d_name))
			return true;
	return false;
}

/* What CRIU opens to write. It follows links, and these directories come from others. Where it
 * cannot have a log it says nothing that helps. */
static int forget_logs(const struct ctr_images *image, struct ctr_error *err)
{
	static const char *const names[] = { "dump.log", "restore.log", "stats-restore" };

	if (faccessat(image->work, ".", W_OK, 0) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "%s: cannot write to '%s'",
				image->work_path == image->path ? "--image-path" : "--work-path",
				image->work_path);
	for (size_t i = 0; i < CTR_ARRAY_SIZE(names); i++)
		(void)unlinkat(image->work, names[i], 0);
	return 0;
}

int ctr_images_make(struct ctr_images *image, const char *path, const char *work_path,
		    struct ctr_arena *arena, struct ctr_error *err)
{
	image->path = path;
	image->work_path = work_path ? work_path : path;
	image->dir = make_dir(path, "--image-path", 0, &image->made, arena, err);
	if (image->dir < 0)
		return -1;
	if (has_foreign_images(image->dir))
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--image-path: '%s' holds images that are not of a checkpoint",
				path);
	image->work = make_dir(image->work_path, "--work-path", 0, &image->made_work, arena, err);
	if (image->work < 0)
		return -1;

	ctr_images_remove(image);
	return forget_logs(image, err);
}

int ctr_images_look(struct ctr_images *image, const char *path, struct ctr_error *err)
{
	image->path = path;
	image->dir = open_dir(path, 0);
	if (image->dir < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
	if (faccessat(image->dir, "inventory.img", R_OK, 0) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"there is no checkpoint in '%s' (inventory.img)", path);
	return 0;
}

int ctr_images_open(struct ctr_images *image, const char *path, const char *work_path,
		    struct ctr_arena *arena, struct ctr_error *err)
{
	const size_t len = strlen(path);
	int flags = 0;

	image->work_path = work_path ? work_path : path;
	/* Who wrote the images may have put a link there. */
	if (strncmp(image->work_path, path, len) == 0 && image->work_path[len] == '/')
		flags = O_NOFOLLOW;
	if (ctr_images_look(image, path, err) < 0)
		return ctr_fail_within(err, "--image-path");
	image->work =
		make_dir(image->work_path, "--work-path", flags, &image->made_work, arena, err);
	if (image->work < 0)
		return -1;

	return forget_logs(image, err);
}

int ctr_images_check_parent(const struct ctr_images *image, const char *parent,
			    struct ctr_arena *arena, struct ctr_error *err)
{
	_cleanup_close_ int dir = -1;

	if (parent[0] == '/')
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--parent-path: '%s' is not relative to --image-path", parent);
	dir = openat(image->dir, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return ctr_fail(err, CTR_FAULT_USAGE, errno,
				"--parent-path: cannot open '%s' from '%s'", parent, image->path);
	if (faccessat(dir, "inventory.img", F_OK, 0) < 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--parent-path: there are no images in '%s' from '%s'", parent,
				image->path);
	/* What is dumped now would be as damaged. */
	if (ctr_images_check_files(dir, ctr_arena_printf(arena, "%s/%s", image->path, parent), true,
				   err) < 0)
		return ctr_fail_within(err, "--parent-path");
	return 0;
}

int ctr_images_share(const struct ctr_images *image, struct ctr_error *err)
{
	struct stat st;

	if (fstat(image->dir, &st) == 0 &&
	    ((st.st_mode & 0011) == 0011 || fchmod(image->dir, (st.st_mode | 0011) & 07777) == 0))
		return 0;
	return ctr_fail(err, CTR_FAULT_HOST, errno, "--image-path: cannot change the mode of '%s'",
			image->path);
}

void ctr_images_release(struct ctr_images *image)
{
	ctr_close_ptr(&image->dir);
	ctr_close_ptr(&image->work);
	image->dir = image->work = -1;
	/* only if nothing is in them */
	if (image->made_work)
		(void)rmdir(image->work_path);
	if (image->made)
		(void)rmdir(image->path);
}

void ctr_images_remove(const struct ctr_images *image)
{
	_cleanup_dir_ DIR *dir = list_dir(image->dir);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (is_image(entry->d_name))
			(void)unlinkat(image->dir, entry->d_name, 0);
}

void ctr_images_forget_work(const struct ctr_images *image)
{
	_cleanup_dir_ DIR *dir = list_dir(image->work);
	const struct dirent *entry;

	if (!image->made_work)
		return;
	while (dir && (entry = readdir(dir)))
		(void)unlinkat(image->work, entry->d_name, 0);
	(void)rmdir(image->work_path);
}

int ctr_images_describe(const struct ctr_images *image, const struct ctr_checkpoint *checkpoint,
			struct ctr_arena *arena, struct ctr_error *err)
{
	struct ctr_json json;
	struct ctr_buf buf;

	ctr_buf_init(&buf, arena);
	ctr_json_init(&json, &buf, "  ");
	ctr_checkpoint_encode(&json, checkpoint);
	ctr_buf_addc(&buf, '\n');
	if (ctr_file_replace(image->dir, document, buf.data, buf.len, 0600, err) < 0)
		return ctr_fail_within(err, "--image-path: '%s'", image->path);

	ctr_buf_init(&buf, arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_json_array(&json, NULL);
	for (size_t i = 0; i < checkpoint->ndescriptors && i < 3; i++)
		ctr_json_string(&json, NULL, checkpoint->descriptors[i]);
	ctr_json_end_array(&json);
	if (ctr_file_replace(image->dir, descriptors, buf.data, buf.len, 0600, err) < 0)
		return ctr_fail_within(err, "--image-path: '%s'", image->path);
	return 0;
}

int ctr_images_read(const struct ctr_images *image, struct ctr_checkpoint **out,
		    struct ctr_arena *arena, struct ctr_error *err)
{
	_cleanup_close_ int fd = openat(image->dir, document,
					O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	size_t len = 0;
	struct stat st;
	char *text;

	*out = NULL;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno != ELOOP && errno != ENXIO)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "--image-path: '%s': cannot open '%s'",
				image->path, document);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"--image-path: '%s': '%s' is no regular file", image->path,
				document);

	text = ctr_file_read_fd(arena, fd, document, DOCUMENT_MAX, &len, err);
	if (text)
		*out = ctr_checkpoint_decode(arena, text, len, document, err);
	return *out ? 0 : ctr_fail_within(err, "--image-path: '%s'", image->path);
}
