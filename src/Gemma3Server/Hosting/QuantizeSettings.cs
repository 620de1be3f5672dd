namespace Gemma3Server.Hosting;

/// <summary>What <c>quantize</c> was asked for; the source is the configured model.</summary>
internal sealed record QuantizeSettings
{
    /// <summary>The file to write.</summary>
    public required string Target { get; init; }

    /// <summary>Type of the matrices: <c>q4_0</c> or <c>q8_0</c>.</summary>
    public required string Type { get; init; }

    /// <summary>Type of the embeddings: <c>q8_0</c>, <c>q6_k</c> or <c>f16</c>.</summary>
    public required string Embeddings { get; init; }

    /// <summary>Whether an existing file is replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Whether a quantized source is taken.</summary>
    public bool AllowRequantize { get; init; }
}
