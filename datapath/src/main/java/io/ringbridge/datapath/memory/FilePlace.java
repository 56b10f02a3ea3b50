package io.ringbridge.datapath.memory;

/**
 * A location in a guest's memory, in terms that outlive this process and the front-end's.
 *
 * @param device the number of the file system that contains the memory's file
 * @param inode the file's number in the file system
 * @param offset the offset in the file, in bytes
 */
public record FilePlace(long device, long inode, long offset) {
}
