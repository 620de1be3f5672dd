using Gemma3Server.Hosting;
using Gemma3Server.Pool;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Gemma3Server.EndToEndTests;

/// <summary>The draft model beside the served one, as the server loads both.</summary>
public sealed class DraftLoadTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The plan says that it fits, so the load must take it, too: 1B drafts for 12B, which was trained for four times its context.</summary>
    [Fact]
    public void Load_ContextLongerThanTheDraftWasTrainedFor_DraftHoldsWhatItCan()
    {
        using var services = Services(Checkpoints.TinyOf(1024));
        var (options, loader) = (services.GetRequiredService<Gemma3ServerOptions>(), services.GetRequiredService<RuntimeLoader>());
        var alone = loader.Need(options with { Model = options.Model with { DraftPath = null } }).Usual;
        Assert.True(loader.Need(options).Usual.Total > alone.Total);
        using var served = loader.Load(options, MemorySize.Unlimited, _ => { }, Cancellation);
        using var draft = loader.LoadDraft(options, served, MemorySize.Unlimited, Cancellation);
        Assert.Equal((2048, 3), (served.Limits.ContextLength, served.Limits.MaxSequences));
        Assert.Equal((1024, 3), (draft.Limits.ContextLength, draft.Limits.MaxSequences));
    }

    [Fact]
    public void Load_DraftThatCannotBeUsed_SaysThatItIsTheDraft()
    {
        using var services = Services(Checkpoints.Truncated("tiny", 300_000));
        var (options, loader) = (services.GetRequiredService<Gemma3ServerOptions>(), services.GetRequiredService<RuntimeLoader>());
        Assert.StartsWith("The draft model cannot be used: ", Assert.Throws<ModelLoadException>(() => loader.Need(options)).Message, StringComparison.Ordinal);
        using var served = loader.Load(options, MemorySize.Unlimited, _ => { }, Cancellation);
        var fault = Assert.Throws<ModelLoadException>(() => loader.LoadDraft(options, served, MemorySize.Unlimited, Cancellation));
        Assert.StartsWith("The draft model cannot be used: ", fault.Message, StringComparison.Ordinal);
    }

    private static ServiceProvider Services(string draft) => new ServiceCollection()
        .AddLogging()
        .AddSingleton(new Gemma3ServerOptions
        {
            Model = new() { Path = Checkpoints.Path("tiny"), DraftPath = draft },
            Runtime = new() { ContextLength = 2048, Parallel = 3, Threads = 1, LibraryDirectory = TestLibrary.Directory },
        })
        .AddRuntime()
        .BuildServiceProvider();
}
