namespace Gemma3Server.Runtime;

/// <summary>One encoded image.</summary>
/// <param name="Embeddings">Row-major <c>[Rows, embedding length]</c>, in the model's embedding space and unscaled.</param>
/// <param name="Rows">Number of rows, hence of positions taken.</param>
public sealed record MediaInput(ReadOnlyMemory<float> Embeddings, int Rows);
