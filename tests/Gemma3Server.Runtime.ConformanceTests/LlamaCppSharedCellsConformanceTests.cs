using Gemma3Server.Runtime.ConformanceTests.Support;

namespace Gemma3Server.Runtime.ConformanceTests;

public sealed class LlamaCppSharedCellsConformanceTests : RuntimeConformanceTests
{
    // Measured: rounding moves logits by up to 0.35 on this checkpoint, a wrong window or position by 5 and more.
    protected override float Tolerance => 1f;

    protected override IModelRuntime Create() => TinyCheckpoint.Load(TinyCheckpoint.Options with { SharedCells = true, LogitsRows = 16 });

    [Fact]
    public void Rewind_AfterAnotherSequenceTookCellsOutOfTheWindow_NeverComputesOnAHole()
    {
        var driver = new SequenceDriver(Runtime);
        var (kept, lost) = (0, 0);
        for (var length = 299; length > 100; length -= 11)
        {
            driver.Fill(0, 300);
            driver.Fill(1, 150, seed: 3);
            driver.Extend(1, 200, seed: 3);
            if (Runtime.Rewind(0, length) == 0) lost++;
            else kept++;
            AssertContinuesLikeFresh(0, Runtime.Length(0));
            Runtime.Release(0);
            Runtime.Release(1);
        }

        Assert.True(lost > 0, $"{kept} kept");
    }

    [Fact]
    public void Rewind_CellsReusedOutOfOrder_LeaveNoHoleBehindAnOlderPosition()
    {
        // The local layers' pool is a ring of 256 cells. Sequence 1 gets its positions 0 to 49 behind its positions 50 and up, so that the
        // next sequence takes 50 and up first. The runtime relies on the library to drop the older ones (20 to 49) with them.
        var driver = new SequenceDriver(Runtime);
        driver.Fill(0, 10);
        driver.Fill(2, 100);
        driver.Fill(1, 50);
        Runtime.Release(2);
        driver.Extend(1, 60, seed: 0);
        driver.Extend(1, 60, seed: 0);
        Runtime.Release(0);
        driver.Fill(2, 30);

        Assert.False(Runtime.TryFork(1, 0, 100));
        Assert.Equal((0, 170), (Runtime.Length(0), Runtime.Length(1)));
        Assert.Equal(0, Runtime.Rewind(1, 100));
        Assert.Equal(0, Runtime.Length(1));
    }
}
