using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Engine.Speculation;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Speculation;

public sealed class LookupTests
{
    private const int A = FakeTokenizer.FirstByte + 'a';

    /// <summary>A name that is another one in the answer: what follows it in the prediction is guessed at once, not only after three tokens that agree.</summary>
    [Fact]
    public void Propose_AnotherTokenThanPredicted_GoesOnBehindIt()
    {
        var (sequence, lookup) = Create([A, A + 1, A + 2, A + 3, A + 4, A + 5]);
        Accept(sequence, lookup, A, A + 1);
        Assert.Equal([A + 2, A + 3, A + 4, A + 5], sequence.Draft.Tokens.ToArray());
        Assert.Equal(5, sequence.Draft.Match); // with the end of the prompt, of which three tokens are known

        Accept(sequence, lookup, A + 20);
        Assert.Equal([A + 3, A + 4, A + 5], sequence.Draft.Tokens.ToArray());
        Assert.Equal(0, sequence.Draft.Match);

        Accept(sequence, lookup, A + 3);
        Assert.Equal([A + 4, A + 5], sequence.Draft.Tokens.ToArray());
        Assert.Equal(1, sequence.Draft.Match);
    }

    [Fact]
    public void Propose_BehindTheEndOfThePrediction_IsNothing()
    {
        var (sequence, lookup) = Create([A, A + 1]);
        Accept(sequence, lookup, A, A + 20, A + 21);
        Assert.Equal(0, sequence.Draft.Count);
    }

    [Fact]
    public void Turned_DraftThatWasNotRun_IsToldByTheTokenThatCame()
    {
        var (sequence, lookup) = Create([A, A + 1, A + 2]);
        Accept(sequence, lookup, A);
        Assert.Null(sequence.Draft.Turned(sequence.Tokens));
        sequence.Accept(A + 1);
        Assert.True(sequence.Draft.Turned(sequence.Tokens));
        sequence.Draft.Clear();
        lookup.Propose(sequence, 8);
        sequence.Accept(A + 20);
        Assert.False(sequence.Draft.Turned(sequence.Tokens));
        sequence.Draft.Verified(0);
        Assert.Null(sequence.Draft.Turned(sequence.Tokens)); // one that was run is learned from once
    }

    private static (Sequence Sequence, Lookup Lookup) Create(int[] predicted)
    {
        var sequence = new Sequence(Requests.Greedy("some prompt", 50) with { PredictedTokens = predicted }, new FakeTokenizer(), 256);
        var lookup = new Lookup(sequence, gram: 3, own: false);
        lookup.Propose(sequence, 8);
        Assert.Equal(predicted, sequence.Draft.Tokens.ToArray());
        return (sequence, lookup);
    }

    private static void Accept(Sequence sequence, Lookup lookup, params int[] tokens)
    {
        foreach (var token in tokens)
        {
            sequence.Accept(token);
            sequence.Draft.Clear();
            lookup.Propose(sequence, 8);
        }
    }
}
