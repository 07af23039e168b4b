package io.spdkio;

import java.util.Map;

/**
 * The control plane: SPDK's JSON-RPC methods, called in this process ({@code doc/jsonrpc.md} of SPDK lists them). On
 * native every method of the SPDK below is there. Embedded answers the same names, parameters and results for what it
 * has; {@code rpc_get_methods} names them.
 *
 * <p>JSON is Java values here:
 *
 * <table>
 * <caption>JSON and Java</caption>
 * <tr><th>JSON</th><th>a parameter</th><th>in a result</th></tr>
 * <tr><td>string</td><td>{@link String}</td><td>{@link String}</td></tr>
 * <tr><td>number</td><td>{@link Byte}, {@link Short}, {@link Integer}, {@link Long}, {@link java.math.BigInteger}, finite
 * {@link Float} and {@link Double}</td><td>{@link Long}; {@link java.math.BigInteger} if it is no {@code long}; {@link
 * Double} if it is no integer</td></tr>
 * <tr><td>true, false</td><td>{@link Boolean}</td><td>{@link Boolean}</td></tr>
 * <tr><td>array</td><td>{@link java.util.List}</td><td>{@link java.util.List}</td></tr>
 * <tr><td>object</td><td>{@link Map} with strings as keys</td><td>{@link java.util.LinkedHashMap}, in the order of the
 * answer</td></tr>
 * <tr><td>null</td><td>{@code null}</td><td>{@code null}</td></tr>
 * </table>
 *
 * <p>May be used from any thread. A call from an SPDK thread completes there.
 */
public interface Rpc {
    /**
     * Calls a method.
     *
     * @param method its name, such as {@code bdev_get_bdevs}
     * @param params its parameters by name, copied before this returns; empty for a call without parameters
     * @return completes with the result; fails with {@link SpdkException.RpcFailed}, which has JSON-RPC's code and
     *     message
     * @throws IllegalArgumentException if a parameter is no value of the table above, or they are nested more than 50
     *     deep; names the place
     */
    IoFuture<Object> call(String method, Map<String, ?> params);

    /**
     * Calls a method without parameters.
     *
     * @param method its name
     * @return completes with the result; fails with {@link SpdkException.RpcFailed}
     */
    default IoFuture<Object> call(String method) {
        return call(method, Map.of());
    }
}
