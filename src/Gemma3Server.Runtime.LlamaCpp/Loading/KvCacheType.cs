using Gemma3Server.Runtime.LlamaCpp.Gguf;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>The element types that a KV cache may have, by the names that options use.</summary>
internal static class KvCacheType
{
    private static readonly Dictionary<string, GgmlType> Names = new(StringComparer.OrdinalIgnoreCase)
    {
        ["f16"] = GgmlType.F16,
        ["bf16"] = GgmlType.BF16,
        ["f32"] = GgmlType.F32,
        ["q8_0"] = GgmlType.Q8_0,
        ["q4_0"] = GgmlType.Q4_0,
    };

    /// <exception cref="ModelLoadException">No such type.</exception>
    public static GgmlType Parse(string option, string name) => Names.TryGetValue(name, out var type)
        ? type
        : throw new ModelLoadException($"{option} '{name}' is unknown: use {string.Join(", ", Names.Keys)}.");

    public static bool IsQuantized(GgmlType type) => type is GgmlType.Q8_0 or GgmlType.Q4_0;
}
