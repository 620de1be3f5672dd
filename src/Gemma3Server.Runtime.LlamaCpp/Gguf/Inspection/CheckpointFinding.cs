namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;

/// <summary>Something about a checkpoint that costs memory, quality or a feature.</summary>
/// <param name="Code">Stable name, such as <c>embeddings_f16</c>.</param>
/// <param name="Message">What is wrong, in one sentence.</param>
/// <param name="Advice">What to do, in one sentence.</param>
public sealed record CheckpointFinding(string Code, string Message, string Advice)
{
    /// <summary>Whether <c>inspect --repack</c> mends it.</summary>
    public bool Repackable { get; init; }
}
