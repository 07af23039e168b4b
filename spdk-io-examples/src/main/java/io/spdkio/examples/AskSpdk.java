package io.spdkio.examples;

import io.spdkio.SpdkEnv;

import java.util.List;
import java.util.Map;

/** Manages devices through SPDK's own JSON-RPC methods, with Java values: the way to what the API has no words for. */
public final class AskSpdk {
    private AskSpdk() {}

    /**
     * Runs it.
     *
     * @param args not used
     */
    public static void main(String[] args) {
        try (SpdkEnv env = SpdkEnv.open()) {
            Map<String, ?> memory = Map.of("name", "m0", "num_blocks", 1024, "block_size", 4096);
            env.rpc().call("bdev_malloc_create", memory).join();

            Object devices = env.rpc().call("bdev_get_bdevs").join();
            if (devices instanceof List<?> list) {
                for (Object device : list) {
                    if (device instanceof Map<?, ?> one) {
                        System.out.println(
                                one.get("name")
                                        + ": "
                                        + one.get("product_name")
                                        + ", "
                                        + one.get("num_blocks")
                                        + " blocks of "
                                        + one.get("block_size"));
                    }
                }
            }
            env.rpc().call("bdev_malloc_delete", Map.of("name", "m0")).join();
        }
    }
}
