package io.spdkio.core;

import io.spdkio.IoFuture;
import io.spdkio.Rpc;
import io.spdkio.spi.Engine;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/** The control plane: gives the engine a copy of the parameters that holds few types. */
final class CoreRpc implements Rpc {
    /** SPDK's parser goes no deeper than 64, and the request itself takes some of that. */
    private static final int MAX_DEPTH = 50;

    private final CoreEnv env;
    private final Engine engine;

    CoreRpc(CoreEnv env, Engine engine) {
        this.env = env;
        this.engine = engine;
    }

    @Override
    public IoFuture<Object> call(String method, Map<String, ?> params) {
        if (method.isBlank()) {
            throw new IllegalArgumentException("a method's name is not blank; rpc_get_methods lists them");
        }
        Map<String, Object> copy = object(params, "params", 1);
        return Control.run(env, () -> engine.rpc(method, copy), Function.identity());
    }

    private static Object copy(Object value, String at, int depth) {
        return switch (value) {
            case null -> null;
            case String s -> s;
            case Boolean b -> b;
            case Byte n -> n.longValue();
            case Short n -> n.longValue();
            case Integer n -> n.longValue();
            case Long n -> n;
            case BigInteger n -> n.bitLength() < Long.SIZE ? (Object) n.longValue() : n;
            case Float n when Float.isFinite(n) -> n.doubleValue();
            case Double n when Double.isFinite(n) -> n;
            case List<?> list -> list(list, at, depth + 1);
            case Map<?, ?> map -> object(map, at, depth + 1);
            default ->
                    throw new IllegalArgumentException(
                            at + " is no value that JSON has: " + value + ", a " + value.getClass().getName());
        };
    }

    private static List<Object> list(List<?> list, String at, int depth) {
        checkDepth(at, depth);
        List<Object> copies = new ArrayList<>(list.size());
        for (Object value : list) {
            copies.add(copy(value, at + "[" + copies.size() + "]", depth));
        }
        return Collections.unmodifiableList(copies);
    }

    private static Map<String, Object> object(Map<?, ?> map, String at, int depth) {
        checkDepth(at, depth);
        Map<String, Object> copies = new LinkedHashMap<>();
        map.forEach((key, value) -> {
            if (!(Objects.requireNonNull(key, "a name in " + at) instanceof String name)) {
                throw new IllegalArgumentException("the names in " + at + " are strings, and not " + key);
            }
            copies.put(name, copy(value, at + "." + name, depth));
        });
        return Collections.unmodifiableMap(copies);
    }

    private static void checkDepth(String at, int depth) {
        if (depth > MAX_DEPTH) {
            throw new IllegalArgumentException("params are nested more than " + MAX_DEPTH + " deep: " + at);
        }
    }
}
