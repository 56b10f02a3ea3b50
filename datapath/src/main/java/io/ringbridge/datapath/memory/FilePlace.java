package io.ringbridge.datapath.memory;

/**
 * Where something in a guest's memory is, in terms that outlive this process and the front-end's own.
 *
 * @param device the file system that holds the memory's file
 * @param inode the file's number in it
 * @param offset in bytes
 */
public record FilePlace(long device, long inode, long offset) {
}
