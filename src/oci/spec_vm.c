/* Tables of the vm section (config-vm.md). */
#include "oci/decode.h"

/* Go writes members that were never set as `"hypervisor":{"path":""}`. */
static int path_or_none(struct ctr_decode *decode, void *object, void *member, const char *text,
			size_t len)
{
	return len == 0 ? 0 : ctr_text_absolute(decode, object, member, text, len);
}

static const struct ctr_field hypervisor_fields[] = {
	F_TEXT(struct ctr_vm, hypervisor.path, const char *, "path", CTR_REQUIRED, path_or_none),
	F_STRINGS(struct ctr_vm, hypervisor.parameters, hypervisor.nparameters, "parameters", 0,
		  NULL),
};

static const struct ctr_type type_hypervisor = { CTR_TYPE(struct ctr_vm, hypervisor_fields) };

static const struct ctr_field kernel_fields[] = {
	F_TEXT(struct ctr_vm, kernel.path, const char *, "path", CTR_REQUIRED, ctr_text_absolute),
	F_STRINGS(struct ctr_vm, kernel.parameters, kernel.nparameters, "parameters", 0, NULL),
	F_TEXT(struct ctr_vm, kernel.initrd, const char *, "initrd", 0, ctr_text_absolute),
};

static const struct ctr_type type_kernel = { CTR_TYPE(struct ctr_vm, kernel_fields) };

static const struct ctr_name image_format_names[] = {
	{"raw",    CTR_IMAGE_RAW  },
        { "qcow2", CTR_IMAGE_QCOW2},
        { "vdi",   CTR_IMAGE_VDI  },
	{ "vmdk",  CTR_IMAGE_VMDK },
        { "vhd",   CTR_IMAGE_VHD  },
        { NULL,    0              },
};

static const struct ctr_field image_fields[] = {
	F_TEXT(struct ctr_vm, image.path, const char *, "path", CTR_REQUIRED, path_or_none),
	F_ENUM(struct ctr_vm, image.format, "format", 0, image_format_names),
};

static const struct ctr_type type_image = { CTR_TYPE(struct ctr_vm, image_fields) };

static const struct ctr_field iomem_fields[] = {
	F_U64_OPT(struct ctr_vm_iomem, first_gfn, "firstGFN"),
	F_U64(struct ctr_vm_iomem, first_mfn, "firstMFN", CTR_REQUIRED),
	F_U64(struct ctr_vm_iomem, nr_mfns, "nrMFNs", CTR_REQUIRED),
};

static const struct ctr_type type_iomem = { CTR_TYPE(struct ctr_vm_iomem, iomem_fields) };

static const struct ctr_field hw_config_fields[] = {
	F_TEXT(struct ctr_vm, hw_config.device_tree, const char *, "deviceTree", 0, ctr_text_word),
	{CTR_ROW("vcpus",   CTR_F_U32, 0),
											      .offset = CTR_OFFSET(struct ctr_vm, hw_config.vcpus,  uint32_t),
											      .has = CTR_HAS(struct ctr_vm, hw_config.has_vcpus),  .arg = CTR_LIMITS(1, UINT32_MAX)},
	{ CTR_ROW("memory", CTR_F_U64, 0),
											      .offset = CTR_OFFSET(struct ctr_vm, hw_config.memory, uint64_t),
											      .has = CTR_HAS(struct ctr_vm, hw_config.has_memory), .arg = CTR_LIMITS(1, UINT64_MAX)},
	F_STRINGS(struct ctr_vm, hw_config.dtdevs, hw_config.ndtdevs, "dtdevs", 0, NULL),
	F_OBJECTS(struct ctr_vm, hw_config.iomems, hw_config.niomems, struct ctr_vm_iomem, "iomems",
		  0, &type_iomem),
	F_U32S(struct ctr_vm, hw_config.irqs, hw_config.nirqs, "irqs"),
};

static const struct ctr_type type_hw_config = { CTR_TYPE(struct ctr_vm, hw_config_fields) };

static const struct ctr_field vm_fields[] = {
	F_GROUP("hypervisor", 0, &type_hypervisor),
	F_GROUP("kernel", CTR_REQUIRED, &type_kernel),
	F_GROUP("image", 0, &type_image),
	F_GROUP("hwConfig", 0, &type_hw_config),
};

const struct ctr_type ctr_type_vm = { CTR_TYPE(struct ctr_vm, vm_fields) };
