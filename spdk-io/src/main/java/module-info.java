/** The API of spdk-io. */
module io.spdkio {}
