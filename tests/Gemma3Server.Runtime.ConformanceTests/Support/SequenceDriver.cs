using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Server.Runtime.ConformanceTests.Support;

/// <summary>Feeds sequences with tokens that depend on seed and position only.</summary>
internal sealed class SequenceDriver(IModelRuntime runtime)
{
    /// <summary>A token that is no control token in any vocabulary of the tests.</summary>
    public int Token(int position, int seed = 0) =>
        260 + (int)(SplitMix64.At((ulong)seed, (ulong)position) % (ulong)(runtime.Model.VocabularySize - 270));

    /// <summary>Computes the first <paramref name="length"/> tokens of a seed into an empty sequence; the logits of the last.</summary>
    public ReadOnlySpan<float> Fill(int sequence, int length, int seed = 0)
    {
        Assert.Equal(0, runtime.Length(sequence));
        return length == 0 ? [] : Extend(sequence, length, seed);
    }

    /// <summary>Computes the next <paramref name="count"/> tokens of a seed, in chunks that end at micro-batch boundaries.</summary>
    public ReadOnlySpan<float> Extend(int sequence, int count, int seed)
    {
        var from = runtime.Length(sequence);
        return Extend(sequence, [.. Enumerable.Range(from, count).Select(position => Token(position, seed))]);
    }

    public ReadOnlySpan<float> Extend(int sequence, IReadOnlyList<int> tokens)
    {
        var batch = new ForwardBatch();
        for (var i = 0; i < tokens.Count; i++)
        {
            var position = runtime.Length(sequence) + batch.Count;
            batch.Add(tokens[i], position, sequence, wantLogits: i == tokens.Count - 1);
            if ((position + 1) % runtime.Limits.MicroBatchTokens != 0 && i < tokens.Count - 1) continue;
            Assert.Equal(ForwardStatus.Ok, runtime.Forward(batch));
            if (i == tokens.Count - 1) return runtime.Logits(batch.Count - 1);
            batch.Clear();
        }

        return [];
    }

    /// <summary>Computes one token; its logits.</summary>
    public ReadOnlySpan<float> Step(int sequence, int token) => Extend(sequence, [token]);
}
