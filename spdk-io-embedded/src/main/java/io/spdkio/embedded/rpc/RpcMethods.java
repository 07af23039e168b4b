package io.spdkio.embedded.rpc;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.SpdkException.RpcFailed;
import io.spdkio.embedded.EmbeddedBdev;
import io.spdkio.embedded.EmbeddedEngine;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.LongSupplier;

/**
 * The methods by name. Each answers as SPDK's does: the same parameters, results and error codes. The messages are our
 * own.
 *
 * <p>Unlike SPDK's, a method that makes a device fails with {@code -ENODEV} when the device below is missing; it does
 * not wait for one of that name.
 */
public final class RpcMethods {
    private final EmbeddedEngine engine;
    private final Map<String, Entry> methods = new LinkedHashMap<>();

    /** Does the work of one method. */
    @FunctionalInterface
    interface Method {
        /** Reads the parameters, all of them before it does anything, and completes with the result. */
        CompletionStage<?> call(RpcParams params);
    }

    private record Entry(int codeOfBadParams, Method method) {}

    /**
     * Makes the table.
     *
     * @param engine the engine that the methods are about
     * @param clock nanoseconds
     */
    public RpcMethods(EmbeddedEngine engine, LongSupplier clock) {
        this.engine = engine;
        add("rpc_get_methods", RpcFailed.INVALID_PARAMS, this::getMethods);
        add("spdk_get_version", RpcFailed.INVALID_PARAMS, RpcMethods::getVersion);
        new DeviceMethods(this, engine).addTo(this);
        new RaidMethods(this, engine).addTo(this);
        new BdevMethods(this, engine, clock).addTo(this);
    }

    void add(String name, int codeOfBadParams, Method method) {
        methods.put(name, new Entry(codeOfBadParams, method));
    }

    /**
     * Calls a method.
     *
     * @param method its name
     * @param params its parameters
     * @return completes with the result, or with {@link RpcFailed}
     */
    public CompletionStage<Object> call(String method, Map<String, ?> params) {
        Entry entry = methods.get(method);
        if (entry == null) {
            return CompletableFuture.failedFuture(
                    new RpcFailed(method, RpcFailed.METHOD_NOT_FOUND, "engine 'embedded' has no such method"));
        }
        CompletionStage<?> stage;
        try {
            stage = entry.method().call(new RpcParams(method, entry.codeOfBadParams(), params));
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(asRpcFailed(method, e));
        }
        return stage.handle((result, problem) -> {
            if (problem != null) {
                throw asRpcFailed(method, problem);
            }
            return result;
        });
    }

    /** The error that a method answers with when something goes wrong that it has no code of its own for. */
    static RpcFailed asRpcFailed(String method, Throwable problem) {
        return switch (problem) {
            case CompletionException e when e.getCause() != null -> asRpcFailed(method, e.getCause());
            case RpcFailed e -> e;
            case SpdkException e when e.errno() != 0 -> new RpcFailed(method, -e.errno(), e.getMessage());
            case IllegalArgumentException e -> new RpcFailed(method, -Errno.EINVAL, e.getMessage());
            case ArithmeticException e -> new RpcFailed(method, -Errno.EINVAL, "a number is too large");
            default -> new RpcFailed(method, RpcFailed.INTERNAL_ERROR, problem.toString());
        };
    }

    static CompletionStage<Object> done(Object result) {
        return CompletableFuture.completedFuture(result);
    }

    /** A JSON object, from names and values in turn. */
    static Map<String, Object> object(Object... namesAndValues) {
        Map<String, Object> object = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            object.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return object;
    }

    /** A device by its name or, as SPDK has it, its UUID. */
    EmbeddedBdev bdev(String name) {
        return engine.findBdev(name)
                .or(() -> engine.bdevs().stream().filter(bdev -> bdev.uuid().toString().equals(name)).findFirst())
                .orElseThrow(() -> new SpdkException.NotFound("there is no bdev '" + name + "'", -Errno.ENODEV));
    }

    private CompletionStage<?> getMethods(RpcParams params) {
        params.flag("current", false); // all of ours can be called at any time
        params.flag("include_aliases", false); // and none has another name
        params.end();
        return done(List.copyOf(methods.keySet()));
    }

    private static CompletionStage<?> getVersion(RpcParams params) {
        if (!params.areMissing()) {
            throw params.bad("it takes no parameters");
        }
        // The version whose methods these are.
        return done(
                object(
                        "version",
                        "SPDK v26.01-embedded",
                        "fields",
                        object("major", 26L, "minor", 1L, "patch", 0L, "suffix", "-embedded")));
    }
}
