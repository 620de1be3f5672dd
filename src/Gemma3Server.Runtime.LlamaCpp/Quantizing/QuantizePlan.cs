using Gemma3Server.Runtime.LlamaCpp.Gguf;

namespace Gemma3Server.Runtime.LlamaCpp.Quantizing;

/// <summary>
/// What the library will make of a file, known and checked before it begins: it asserts, and so ends the process, where a type that was
/// asked for by name does not divide a tensor's rows; and it mixes up a file whose alignment is not the default.
/// </summary>
internal sealed record QuantizePlan
{
    private const string Embeddings = "token_embd.weight";
    private const string Output = "output.weight";

    /// <summary>Room for the metadata, which is copied, to grow by what is added.</summary>
    private const long MetadataSlack = 1 << 16;

    /// <summary>Bytes that the target takes at most.</summary>
    public required long TargetBytes { get; init; }

    /// <summary>Type of each tensor in the target, by name.</summary>
    public required IReadOnlyDictionary<string, GgmlType> Types { get; init; }

    /// <exception cref="ModelLoadException">The file cannot be quantized so; the message says why.</exception>
    public static QuantizePlan Create(GgufFile file, QuantizeOptions options)
    {
        if (options.Type is not (GgmlType.Q4_0 or GgmlType.Q8_0)) throw new ArgumentException($"Type {options.Type} is not Q4_0 or Q8_0.", nameof(options));
        if (file.Split is not null) throw Refusal(file, "it is one of several parts: merge them first");
        if (file.Alignment != GgufFormat.DefaultAlignment)
            throw Refusal(file, $"its alignment is {file.Alignment}, and the library writes {GgufFormat.DefaultAlignment}: convert it again");
        if (!options.AllowRequantize && file.Tensors.FirstOrDefault(tensor => !IsPlain(tensor.Type)) is { } quantized)
        {
            throw Refusal(file, $"it is quantized already ({quantized.Name} is {quantized.Type}), and the losses would add up: "
                + "take the F16, BF16 or F32 file, or allow requantizing");
        }

        foreach (var name in (ReadOnlySpan<string>)[Embeddings, Output])
        {
            if (file.TryGetTensor(name, out var tensor) && tensor.Dimensions[0] % options.EmbeddingType.BlockLength() != 0)
            {
                throw Refusal(file, $"{options.EmbeddingType} needs rows of a multiple of {options.EmbeddingType.BlockLength()}, and those of {name} "
                    + $"have {tensor.Dimensions[0]}: choose another type for the embeddings");
            }
        }

        var types = file.Tensors.ToDictionary(tensor => tensor.Name, tensor => TargetType(tensor, options), StringComparer.Ordinal);
        return new()
        {
            Types = types,
            TargetBytes = file.DataOffset + MetadataSlack + file.Tensors.Sum(tensor => Padded(types[tensor.Name].ByteLength(tensor.ElementCount))),
        };
    }

    /// <summary>The library's rule, as far as Gemma 3 has such tensors: matrices of weights but no norms; F16 where blocks do not divide the rows.</summary>
    private static GgmlType TargetType(GgufTensor tensor, QuantizeOptions options)
    {
        if (tensor.Dimensions.Skip(1).All(length => length == 1)) return tensor.Type;
        if (!tensor.Name.EndsWith("weight", StringComparison.Ordinal) || tensor.Name.Contains("_norm.weight", StringComparison.Ordinal)) return tensor.Type;
        if (tensor.Name is Embeddings or Output) return options.EmbeddingType;
        return tensor.Dimensions[0] % options.Type.BlockLength() == 0 ? options.Type : GgmlType.F16;
    }

    private static bool IsPlain(GgmlType type) => type is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16;

    private static long Padded(long bytes) => (bytes + GgufFormat.DefaultAlignment - 1) / GgufFormat.DefaultAlignment * GgufFormat.DefaultAlignment;

    private static ModelLoadException Refusal(GgufFile file, string reason) => new($"'{file.Path}' cannot be quantized: {reason}.");
}
