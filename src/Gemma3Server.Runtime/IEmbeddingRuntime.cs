namespace Gemma3Server.Runtime;

/// <summary>A runtime that also hands out hidden states: what the last layer says of each token, after the final norm, before the output matrix.</summary>
/// <remarks>
/// <para>Optional: a runtime implements it beside <see cref="IModelRuntime"/>, whose thread and rules it shares. It holds one text at a time,
/// apart from all sequences: nothing here changes a sequence, its KV or the logits of the last forward call.</para>
/// <para>The memory for it comes with the first text, and grows with the longest one; where there is none the answer is
/// <see cref="ForwardStatus.NoSpace"/>, and shorter texts may still go.</para>
/// </remarks>
public interface IEmbeddingRuntime
{
    /// <summary>
    /// Most rows of one call. A text whose chunks are all of this many, but for the last, has reproducible states.
    /// </summary>
    int EmbeddingChunk { get; }

    /// <summary>
    /// Computes the states of the next <paramref name="count"/> tokens of a text. From <paramref name="start"/> 0 it is another text than
    /// before; otherwise it continues where the last call ended, with nothing between.
    /// </summary>
    /// <param name="text">The whole text, the same in all its calls; 1 to <see cref="RuntimeLimits.ContextLength"/> tokens.</param>
    /// <param name="start">Tokens of it that earlier calls computed.</param>
    /// <param name="count">1 to <see cref="EmbeddingChunk"/>, and no more than are left.</param>
    /// <returns>On anything but <see cref="ForwardStatus.Ok"/> the text is gone: begin it again, or another.</returns>
    ForwardStatus ForwardEmbedding(ReadOnlySpan<int> text, int start, int count);

    /// <summary>
    /// The hidden state of row <paramref name="row"/> of the last call, <see cref="ModelInfo.EmbeddingLength"/> long; empty for rows it had
    /// not, or when it failed. Valid until the next call.
    /// </summary>
    ReadOnlySpan<float> HiddenState(int row);
}
