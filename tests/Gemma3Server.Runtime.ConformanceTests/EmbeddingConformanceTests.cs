using System.Numerics.Tensors;

namespace Gemma3Server.Runtime.ConformanceTests;

/// <summary>What every runtime that hands out hidden states must do.</summary>
public abstract class EmbeddingConformanceTests : RuntimeTests
{
    private IEmbeddingRuntime Embeddings => Assert.IsAssignableFrom<IEmbeddingRuntime>(Runtime);

    [Fact]
    public void ForwardEmbedding_TextOfSeveralChunks_GivesAStateOfEachToken()
    {
        var states = States(Text(3 * Embeddings.EmbeddingChunk + 5));
        Assert.All(states, state => Assert.Equal(Runtime.Model.EmbeddingLength, state.Length));
        Assert.All(states, state => Assert.True(TensorPrimitives.Norm<float>(state) is > 0 and < float.PositiveInfinity));
        Assert.Equal(states.Length, states.Select(state => TensorPrimitives.Sum<float>(state)).Distinct().Count());
    }

    [Fact]
    public void ForwardEmbedding_SameTextAgain_GivesTheSameStates()
    {
        var text = Text(Embeddings.EmbeddingChunk + 3);
        var first = States(text);
        States(Text(7, seed: 5));
        Assert.Equal(first, States(text));
    }

    [Fact]
    public void ForwardEmbedding_OtherChunks_GivesTheSameStatesButForRounding()
    {
        var text = Text(Embeddings.EmbeddingChunk + 9);
        var (whole, cut) = (States(text), States(text, chunk: 5));
        for (var i = 0; i < text.Length; i++) AssertClose(whole[i], cut[i]);
    }

    [Fact]
    public void ForwardEmbedding_LongestText_IsComputedAfterAShortOne()
    {
        var text = Text(Runtime.Limits.ContextLength);
        var begin = States(text[..10]);
        var states = States(text);
        Assert.Equal(Runtime.Limits.ContextLength, states.Length);
        AssertClose(begin[9], states[9]);
        Assert.Equal(begin, States(text[..10]));
    }

    [Fact]
    public void ForwardEmbedding_BesideGeneration_ChangesNeither()
    {
        var alone = States(Text(20));
        Driver.Fill(0, 30);
        var expected = Driver.Step(0, Driver.Token(30)).ToArray();
        Runtime.Release(0);

        Driver.Fill(0, 30);
        Assert.Equal(alone, States(Text(20)));
        Assert.Equal(30, Runtime.Length(0));
        var logits = Driver.Step(0, Driver.Token(30));
        Assert.Equal(ForwardStatus.Ok, Embeddings.ForwardEmbedding(Text(8), 0, 8));
        Assert.Equal(expected, logits.ToArray());
    }

    [Theory]
    [InlineData("empty text")]
    [InlineData("too long")]
    [InlineData("too many rows")]
    [InlineData("no rows")]
    [InlineData("beyond the text")]
    [InlineData("negative start")]
    [InlineData("gap")]
    [InlineData("other start")]
    [InlineData("token too large")]
    [InlineData("token negative")]
    public void ForwardEmbedding_InvalidArguments_IsRefusedAndTheTextGone(string kind)
    {
        var text = Text(12);
        Assert.Equal(ForwardStatus.Ok, Embeddings.ForwardEmbedding(text, 0, 6));
        var status = kind switch
        {
            "empty text" => Embeddings.ForwardEmbedding([], 0, 1),
            "too long" => Embeddings.ForwardEmbedding(Text(Runtime.Limits.ContextLength + 1), 0, 1),
            "too many rows" => Embeddings.ForwardEmbedding(Text(100), 0, Embeddings.EmbeddingChunk + 1),
            "no rows" => Embeddings.ForwardEmbedding(text, 6, 0),
            "beyond the text" => Embeddings.ForwardEmbedding(text, 6, 7),
            "negative start" => Embeddings.ForwardEmbedding(text, -1, 1),
            "gap" => Embeddings.ForwardEmbedding(text, 7, 1),
            "other start" => Embeddings.ForwardEmbedding(text, 5, 1),
            "token too large" => Embeddings.ForwardEmbedding([.. text[..6], Runtime.Model.VocabularySize], 6, 1),
            "token negative" => Embeddings.ForwardEmbedding([-1], 0, 1),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };

        Assert.Equal(ForwardStatus.InvalidBatch, status);
        Assert.True(Embeddings.HiddenState(0).IsEmpty);
        Assert.Equal(ForwardStatus.InvalidBatch, Embeddings.ForwardEmbedding(text, 6, 1));
        Assert.Equal(12, States(text).Length);
    }

    [Fact]
    public void HiddenState_RowThatWasNot_IsEmpty()
    {
        Assert.True(Embeddings.HiddenState(0).IsEmpty);
        Assert.Equal(ForwardStatus.Ok, Embeddings.ForwardEmbedding(Text(3), 0, 3));
        Assert.False(Embeddings.HiddenState(2).IsEmpty);
        Assert.True(Embeddings.HiddenState(3).IsEmpty);
        Assert.True(Embeddings.HiddenState(-1).IsEmpty);
    }

    [Fact]
    public void ForwardEmbedding_AfterInterrupt_IsAborted()
    {
        Assert.IsAssignableFrom<IInterruptible>(Runtime).Interrupt();
        Assert.Equal(ForwardStatus.Aborted, Embeddings.ForwardEmbedding(Text(3), 0, 3));
        Assert.True(Embeddings.HiddenState(0).IsEmpty);
    }

    private int[] Text(int length, int seed = 3) => [.. Enumerable.Range(0, length).Select(position => Driver.Token(position, seed))];

    private float[][] States(int[] text, int chunk = int.MaxValue)
    {
        var states = new List<float[]>();
        while (states.Count < text.Length)
        {
            var start = states.Count;
            var count = Math.Min(Math.Min(chunk, Embeddings.EmbeddingChunk), text.Length - start);
            Assert.Equal(ForwardStatus.Ok, Embeddings.ForwardEmbedding(text, start, count));
            for (var row = 0; row < count; row++) states.Add(Embeddings.HiddenState(row).ToArray());
        }

        return [.. states];
    }
}
