using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests;

/// <summary>Checks of the books that other threads ask the loop for.</summary>
public sealed class IntegrityChecksTests
{
    [Fact]
    public void Answer_SoundBooks_CompletesAllWhoAsked()
    {
        using var harness = new EngineHarness(new FakeRuntimeOptions { MaxSequences = 2 });
        var checks = new IntegrityChecks();
        Task[] asked = [checks.Ask(), checks.Ask()];
        Assert.All(asked, task => Assert.False(task.IsCompleted));
        checks.Answer(harness.Scheduler);
        Assert.All(asked, task => Assert.True(task.IsCompletedSuccessfully));
    }

    [Fact]
    public async Task Answer_BooksDisagree_FaultsWithWhatIsWrong()
    {
        using var harness = new EngineHarness(new FakeRuntimeOptions { MaxSequences = 2 });
        var checks = new IntegrityChecks();
        var sequence = harness.Submit("abc", 10);
        harness.Step();
        sequence.State = SequenceState.Waiting;
        var asked = checks.Ask();
        checks.Answer(harness.Scheduler);
        await Assert.ThrowsAsync<InvalidOperationException>(() => asked);
    }

    [Fact]
    public void Close_AskedBeforeAndAfter_IsCancelled()
    {
        var checks = new IntegrityChecks();
        var before = checks.Ask();
        checks.Close();
        Assert.True(before.IsCanceled);
        Assert.True(checks.Ask().IsCanceled);
    }
}
