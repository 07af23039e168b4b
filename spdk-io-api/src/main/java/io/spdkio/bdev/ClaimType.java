package io.spdkio.bdev;

/** How a descriptor claims its device against others ({@code enum spdk_bdev_claim_type}). */
public enum ClaimType {
    /** This descriptor writes; others may only read. */
    READ_MANY_WRITE_ONE,
    /** Nobody writes, this descriptor included. */
    READ_MANY_WRITE_NONE,
    /** Several descriptors that all claim this way write; those without a claim may only read. */
    READ_MANY_WRITE_SHARED
}
