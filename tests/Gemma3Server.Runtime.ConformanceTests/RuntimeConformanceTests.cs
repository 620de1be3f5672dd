using Gemma3Server.Runtime.ConformanceTests.Support;

namespace Gemma3Server.Runtime.ConformanceTests;

/// <summary>What every runtime must do. A derived class says how to make one.</summary>
public abstract class RuntimeConformanceTests : RuntimeTests
{
    [Fact]
    public void Forward_RowsWithAndWithoutLogits_GivesLogitsOfWantedRowsOnly()
    {
        var batch = new ForwardBatch();
        for (var i = 0; i < 5; i++) batch.Add(Driver.Token(i), i, 0, wantLogits: i is 1 or 4);

        Assert.Equal(ForwardStatus.Ok, Runtime.Forward(batch));

        Assert.Equal(Runtime.Model.VocabularySize, Runtime.Logits(1).Length);
        Assert.Equal(Runtime.Model.VocabularySize, Runtime.Logits(4).Length);
        Assert.False(Runtime.Logits(1).SequenceEqual(Runtime.Logits(4)));
        Assert.True(Runtime.Logits(0).IsEmpty);
        Assert.True(Runtime.Logits(5).IsEmpty);
        Assert.True(Runtime.Logits(-1).IsEmpty);
        Assert.Equal(5, Runtime.Length(0));
    }

    [Fact]
    public void Forward_TwoSequencesInOneBatch_EqualsEachAlone()
    {
        var alone0 = Driver.Fill(0, 20, seed: 1).ToArray();
        Runtime.Release(0);
        var alone1 = Driver.Fill(1, 20, seed: 2).ToArray();
        Runtime.Release(1);
        var batch = new ForwardBatch();
        for (var i = 0; i < 20; i++)
        {
            batch.Add(Driver.Token(i, seed: 1), i, 0, i == 19);
            batch.Add(Driver.Token(i, seed: 2), i, 1, i == 19);
        }

        Assert.Equal(ForwardStatus.Ok, Runtime.Forward(batch));

        AssertClose(alone0, Runtime.Logits(38));
        AssertClose(alone1, Runtime.Logits(39));
    }

    [Fact]
    public void Forward_StepByStep_EqualsWholePrompt()
    {
        var whole = Driver.Fill(0, 90).ToArray();
        ReadOnlySpan<float> last = [];
        for (var i = 0; i < 90; i++) last = Driver.Step(1, Driver.Token(i));
        AssertClose(whole, last);
    }

    /// <summary>
    /// A draft: tokens that may follow, of which some do. Each row sees those before it, and what did not hold is taken back exactly, however long
    /// the sequence is.
    /// </summary>
    [Theory]
    [InlineData(10, 8, 0)]
    [InlineData(10, 8, 3)]
    [InlineData(63, 8, 5)]
    [InlineData(300, 1, 0)]
    [InlineData(300, 8, 0)]
    [InlineData(300, 8, 7)]
    [InlineData(300, 8, 8)]
    public void Forward_RowsOfADraft_YieldLogitsEachAndRewindTakesTheRestBack(int length, int drafts, int held)
    {
        var expected = new float[held + 1][];
        Driver.Fill(2, length);
        for (var i = 0; i <= held; i++) expected[i] = Driver.Step(2, Driver.Token(length + i)).ToArray();
        Runtime.Release(2);
        Driver.Fill(0, length);
        Driver.Fill(1, 40, seed: 2);

        for (var again = 0; again < 3; again++)
        {
            var batch = new ForwardBatch();
            for (var i = 0; i <= drafts; i++) batch.Add(Driver.Token(length + i, seed: i > held ? 9 : 0), length + i, 0, wantLogits: true);
            batch.Add(Driver.Token(40 + again, seed: 2), 40 + again, 1, wantLogits: true);
            Assert.Equal(ForwardStatus.Ok, Runtime.Forward(batch));
            for (var i = 0; i <= held; i++) AssertClose(expected[i], Runtime.Logits(i));
            Assert.Equal(Runtime.Model.VocabularySize, Runtime.Logits(drafts + 1).Length);

            Assert.Equal(length + 1 + held, Runtime.Rewind(0, length + 1 + held));
            Assert.Equal(length, Runtime.Rewind(0, length));
        }

        Assert.Equal(43, Runtime.Length(1));
        AssertContinuesLikeFresh(0, length);
    }

    [Theory]
    [MemberData(nameof(InvalidBatches.Kinds), MemberType = typeof(InvalidBatches))]
    public void Forward_InvalidBatch_IsRefusedWithoutChange(string kind)
    {
        var before = Driver.Fill(0, 30).ToArray();
        var length = kind == "beyond the context" ? FillContext(0) : 30;

        var status = Runtime.Forward(InvalidBatches.Create(Runtime, kind, length));

        Assert.Equal(ForwardStatus.InvalidBatch, status);
        Assert.Equal(length, Runtime.Length(0));
        Assert.Equal(0, Runtime.Length(1));
        Assert.True(Runtime.Logits(0).IsEmpty);
        Runtime.Release(0);
        AssertClose(before, Driver.Fill(0, 30));
    }

    [Fact]
    public void Length_UnknownOrUnusedSequence_IsZero()
    {
        Assert.Equal(0, Runtime.Length(0));
        Assert.Equal(0, Runtime.Length(-1));
        Assert.Equal(0, Runtime.Length(Runtime.Limits.MaxSequences));
        Assert.Equal(0, Runtime.Length(int.MaxValue));
    }

    [Theory]
    [InlineData(299)]
    [InlineData(290)]
    [InlineData(237)]
    [InlineData(100)]
    [InlineData(1)]
    public void Rewind_ToAnyLength_EqualsFreshComputationOrIsEmpty(int length)
    {
        Driver.Fill(0, 300);

        var kept = Runtime.Rewind(0, length);

        Assert.Equal(kept, Runtime.Length(0));
        Assert.True(kept == length || kept == 0, $"kept {kept}");
        if (Runtime.Model.SlidingWindow == 0) Assert.Equal(length, kept);
        AssertContinuesLikeFresh(0, kept);
    }

    [Fact]
    public void Rewind_AfterManyWindows_LosesTheStart()
    {
        Assert.SkipWhen(Runtime.Model.SlidingWindow == 0, "Without a window nothing is lost.");
        Driver.Fill(0, 500);
        Assert.Equal(0, Runtime.Rewind(0, 80));
        Assert.Equal(0, Runtime.Length(0));
    }

    [Fact]
    public void Rewind_AfterOneMicroBatch_KeepsALittleLess()
    {
        Driver.Fill(0, 60);
        Assert.Equal(40, Runtime.Rewind(0, 40));
        AssertContinuesLikeFresh(0, 40);
    }

    [Fact]
    public void Rewind_ToItsLengthOrMoreOrOfUnknown_ChangesNothing()
    {
        Driver.Fill(0, 40);
        Assert.Equal(40, Runtime.Rewind(0, 40));
        Assert.Equal(40, Runtime.Rewind(0, 400));
        Assert.Equal(0, Runtime.Rewind(1, 10));
        Assert.Equal(0, Runtime.Rewind(-1, 10));
        Assert.Equal(0, Runtime.Rewind(Runtime.Limits.MaxSequences, 10));
        Assert.Equal(40, Runtime.Length(0));
        Assert.Equal(0, Runtime.Rewind(0, -1));
        Assert.Equal(0, Runtime.Length(0));
    }

    [Theory]
    [InlineData(30, 30)]
    [InlineData(30, 12)]
    [InlineData(200, 200)]
    [InlineData(200, 199)]
    [InlineData(200, 150)]
    [InlineData(200, 20)]
    public void TryFork_Prefix_EqualsFreshComputationAndLeavesTheSource(int filled, int length)
    {
        Driver.Fill(0, filled);

        var forked = Runtime.TryFork(0, 1, length);

        if (filled == length) Assert.True(forked);
        Assert.Equal(filled, Runtime.Length(0));
        Assert.Equal(forked ? length : 0, Runtime.Length(1));
        if (forked) AssertContinuesLikeFresh(1, length);
        AssertContinuesLikeFresh(0, filled);
    }

    [Fact]
    public void TryFork_ThenBothGoOn_FarBeyondTheWindow_StaysRight()
    {
        Driver.Fill(0, 100);
        Assert.True(Runtime.TryFork(0, 1, 100));
        for (var i = 100; i < 300; i += 20)
        {
            Driver.Extend(0, 20, seed: 0);
            Driver.Extend(1, 20, seed: 7);
        }

        var logits = Driver.Step(1, Driver.Token(300, seed: 7)).ToArray();
        Runtime.Release(1);
        Driver.Fill(1, 100);
        for (var i = 100; i < 300; i += 20) Driver.Extend(1, 20, seed: 7);
        AssertClose(logits, Driver.Step(1, Driver.Token(300, seed: 7)));
        AssertContinuesLikeFresh(0, 300);
    }

    [Fact]
    public void TryFork_ShorterPrefix_MayCostTheSourceItsSlackButNeverItsState()
    {
        Driver.Fill(0, 200);
        Assert.True(Runtime.TryFork(0, 1, 190));

        var kept = Runtime.Rewind(0, 180);

        Assert.True(kept is 180 or 0, $"kept {kept}");
        AssertContinuesLikeFresh(0, kept);
        AssertContinuesLikeFresh(1, 190);
    }

    [Fact]
    public void TryFork_ImpossibleArguments_IsFalseWithoutChange()
    {
        Driver.Fill(0, 20);
        Driver.Fill(1, 5);
        Assert.False(Runtime.TryFork(0, 1, 10)); // not empty
        Assert.False(Runtime.TryFork(0, 0, 10));
        Assert.False(Runtime.TryFork(0, 2, 21));
        Assert.False(Runtime.TryFork(0, 2, 0));
        Assert.False(Runtime.TryFork(0, 2, -1));
        Assert.False(Runtime.TryFork(-1, 2, 1));
        Assert.False(Runtime.TryFork(0, Runtime.Limits.MaxSequences, 1));
        Assert.False(Runtime.TryFork(0, 256, 1));
        Assert.Equal((20, 5, 0), (Runtime.Length(0), Runtime.Length(1), Runtime.Length(2)));
    }

    [Fact]
    public void Restore_FullSnapshot_BringsBackTheStateInAnyId()
    {
        Driver.Fill(0, 200);
        var snapshot = Runtime.Snapshot(0, SnapshotScope.Full);
        Assert.NotNull(snapshot);
        Assert.Equal((SnapshotScope.Full, 200), (snapshot.Scope, snapshot.Length));
        Runtime.Release(0);

        Driver.Fill(2, 33, seed: 9); // is replaced
        Assert.True(Runtime.Restore(2, snapshot));
        Assert.Equal(200, Runtime.Length(2));
        AssertContinuesLikeFresh(2, 200);
        Assert.True(Runtime.Restore(0, snapshot));
        AssertContinuesLikeFresh(0, 200);
    }

    [Fact]
    public void Restore_SlidingWindowSnapshot_BringsBackALostWindow()
    {
        Driver.Fill(0, 128);
        var snapshot = Runtime.Snapshot(0, SnapshotScope.SlidingWindow);
        Assert.NotNull(snapshot);
        Driver.Extend(0, 350, seed: 0);

        Assert.True(Runtime.Restore(0, snapshot));

        Assert.Equal(128, Runtime.Length(0));
        AssertContinuesLikeFresh(0, 128);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(20, false)]
    public void Restore_SlidingWindowSnapshotThenRewind_HasNoSlackBeforeTheWindow(int by, bool isKept)
    {
        Driver.Fill(0, 200);
        var snapshot = Runtime.Snapshot(0, SnapshotScope.SlidingWindow)!;
        Driver.Extend(0, 250, seed: 0);
        Assert.True(Runtime.Restore(0, snapshot));

        var kept = Runtime.Rewind(0, 200 - by);

        Assert.Equal(isKept || Runtime.Model.SlidingWindow == 0 ? 200 - by : 0, kept);
        AssertContinuesLikeFresh(0, kept);
    }

    [Fact]
    public void Restore_SlidingWindowSnapshotOntoAShorterSequence_IsRefusedAndEmpties()
    {
        Driver.Fill(0, 128);
        var snapshot = Runtime.Snapshot(0, SnapshotScope.SlidingWindow)!;
        Driver.Fill(1, 100);
        Assert.False(Runtime.Restore(1, snapshot));
        Assert.Equal(0, Runtime.Length(1));
    }

    [Theory]
    [InlineData(SnapshotScope.Full)]
    [InlineData(SnapshotScope.SlidingWindow)]
    public void Restore_DamagedSnapshot_IsRefusedAndEmpties(SnapshotScope scope)
    {
        Driver.Fill(0, 100);
        var snapshot = Runtime.Snapshot(0, scope)!;
        var random = new Random(5);
        for (var i = 0; i < 20; i++)
        {
            Runtime.Release(0);
            Driver.Fill(0, 100);
            var data = snapshot.Data.ToArray();
            data[random.Next(data.Length)] ^= (byte)(1 << random.Next(8));
            Assert.False(Runtime.Restore(0, snapshot with { Data = data }));
            Assert.Equal(0, Runtime.Length(0));
        }

        Assert.False(Runtime.Restore(0, snapshot with { Data = snapshot.Data[..^1] }));
        Assert.False(Runtime.Restore(0, snapshot with { Data = default }));
        Assert.False(Runtime.Restore(-1, snapshot));
        Assert.False(Runtime.Restore(Runtime.Limits.MaxSequences, snapshot));
        AssertContinuesLikeFresh(0, 0);
    }

    [Fact]
    public void Snapshot_EmptyOrUnknownSequence_IsNull()
    {
        Assert.Null(Runtime.Snapshot(0, SnapshotScope.Full));
        Assert.Null(Runtime.Snapshot(-1, SnapshotScope.Full));
        Assert.Null(Runtime.Snapshot(Runtime.Limits.MaxSequences, SnapshotScope.SlidingWindow));
    }

    [Fact]
    public void Release_AnySequence_EmptiesItAndLeavesOthers()
    {
        Driver.Fill(0, 100);
        Driver.Fill(1, 100);
        Runtime.Release(0);
        Runtime.Release(0);
        Runtime.Release(-1);
        Runtime.Release(Runtime.Limits.MaxSequences);
        Runtime.Release(300);
        Assert.Equal((0, 100), (Runtime.Length(0), Runtime.Length(1)));
        AssertContinuesLikeFresh(1, 100);
        AssertContinuesLikeFresh(0, 0);
    }

    [Fact]
    public void AnyOperations_InSeededRandomOrder_KeepEverySequenceRight()
    {
        var random = new Random(11);
        var expected = new List<int>[3];
        for (var i = 0; i < 3; i++) expected[i] = [];
        for (var step = 0; step < 150; step++)
        {
            var sequence = random.Next(3);
            RandomOperation(random, sequence, expected);
            for (var i = 0; i < 3; i++) Assert.Equal(expected[i].Count, Runtime.Length(i));
        }

        for (var i = 0; i < 3; i++)
        {
            var logits = Driver.Step(i, Driver.Token(1)).ToArray();
            Runtime.Release(i);
            foreach (var token in expected[i].Chunk(64)) Driver.Extend(i, token);
            AssertClose(logits, Driver.Step(i, Driver.Token(1)));
        }
    }

    private void RandomOperation(Random random, int sequence, List<int>[] expected)
    {
        var own = expected[sequence];
        var other = (sequence + 1 + random.Next(2)) % 3;
        switch (random.Next(7))
        {
            case 0 or 1 or 2:
                var tokens = Enumerable.Range(0, random.Next(1, 80)).Select(_ => Driver.Token(random.Next(1000))).Take(500 - own.Count).ToArray();
                if (tokens.Length > 0) Driver.Extend(sequence, tokens);
                own.AddRange(tokens);
                break;
            case 3:
                var length = random.Next(0, own.Count + 1);
                var kept = Runtime.Rewind(sequence, length);
                own.RemoveRange(kept, own.Count - kept);
                break;
            case 4:
                var shared = random.Next(1, own.Count + 2);
                if (Runtime.TryFork(sequence, other, shared)) expected[other] = own[..shared];
                break;
            case 5:
                if (Runtime.Snapshot(sequence, SnapshotScope.Full) is { } snapshot && Runtime.Restore(other, snapshot)) expected[other] = [.. own];
                break;
            default:
                if (random.Next(3) != 0) break;
                Runtime.Release(sequence);
                own.Clear();
                break;
        }
    }
}
