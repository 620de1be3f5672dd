using Gemma3Server.Catalog;
using Gemma3Server.Hosting;
using Gemma3Server.Pool;

namespace Gemma3Server.Tests.Pool;

/// <summary>Which names mean which model.</summary>
public sealed class ModelDirectoryTests : IDisposable
{
    private readonly DirectoryInfo _store = Directory.CreateTempSubdirectory("gemma3server-directory-");

    [Fact]
    public void TryFind_ConfiguredFileByItsCatalogNames_IsTheConfiguredModel()
    {
        var file = Pull("a/one-GGUF", "one.gguf");
        var directory = Create(new() { Serve = { ["mine"] = new() { Path = "one", ContextLength = 1024, ToolFormat = "pythonic" } } });
        foreach (var name in (string[])["mine", "one", "gemma3:one", "GEMMA3:ONE", "a/one-GGUF", "one.gguf"])
        {
            Assert.True(directory.TryFind(name, out var model, out _), name);
            Assert.Equal(("mine", file, 1024), (model.Id, model.Options.Model.Path, model.Options.Runtime.ContextLength));
        }

        Assert.Equal(["default", "mine"], directory.All().Select(model => model.Id));
    }

    [Fact]
    public void TryFind_TwoSourcesPulled_TheFirstHasTheNameAndTheOtherItsRepositorys()
    {
        var (first, second) = (Pull("a/one-GGUF", "one.gguf"), Pull("b/one-GGUF", "one-b.gguf"));
        var directory = Create(new());
        Assert.Equal(("one", first), Find(directory, "gemma3:one"));
        Assert.Equal(("one", first), Find(directory, "a/one-GGUF"));
        Assert.Equal(("b/one-GGUF", second), Find(directory, "b/one-GGUF"));
        Assert.Equal(("b/one-GGUF", second), Find(directory, "one-b"));
    }

    [Fact]
    public void TryFind_OnlyTheOtherSourceIsPulled_ItHasTheName()
    {
        var second = Pull("b/one-GGUF", "one-b.gguf");
        var directory = Create(new());
        foreach (var name in (string[])["one", "gemma3:one", "b/one-GGUF"]) Assert.Equal(("one", second), Find(directory, name));
        Assert.Equal(["default", "one"], directory.All().Select(model => model.Id));
        Assert.Equal(["gemma3:one"], directory.All()[1].Aliases);
    }

    [Fact]
    public void TryFind_TheFirstSourceIsPulledLater_ItTakesTheName()
    {
        var second = Pull("b/one-GGUF", "one-b.gguf");
        var directory = Create(new());
        Assert.Equal(("one", second), Find(directory, "one"));
        var first = Pull("a/one-GGUF", "one.gguf");
        Assert.Equal(("one", first), Find(directory, "one"));
        Assert.Equal(("b/one-GGUF", second), Find(directory, "one-b"));
        File.Delete(first);
        Assert.Equal(("one", second), Find(directory, "one"));
    }

    [Fact]
    public void TryFind_NameIsAsLongAsABody_IsRefusedInAFewWordsAndNotCopied()
    {
        var (directory, name) = (Create(new()), new string('x', 32 << 20));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(directory.TryFind(name, out _, out var error));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < name.Length);
        Assert.True(error.Message.Length < 200, error.Message);
    }

    [Fact]
    public void TryFind_RepositoryOutsideTheCatalog_IsFoundByItselfOrWithItsFile()
    {
        var file = Pull("me/other-GGUF", "sub/other-Q4_0.gguf", receipt: true);
        Pull("me/other-GGUF", "mmproj-other.gguf", receipt: true);
        var directory = Create(new());
        foreach (var name in (string[])["me/other-GGUF", "me/other-GGUF:Q4_0", "me/other-GGUF:sub/other-Q4_0.gguf"])
            Assert.Equal(("me/other-GGUF:sub/other-Q4_0.gguf", file), Find(directory, name));
        Assert.Equal(["default", "me/other-GGUF:sub/other-Q4_0.gguf"], directory.All().Select(model => model.Id));
        Assert.False(directory.TryFind("me/else-GGUF", out _, out var error));
        Assert.Equal("model_not_found", error.Code);
    }

    [Fact]
    public void TryFind_PulledWhileItRuns_IsThereAtOnceAndGoneWhenRemoved()
    {
        var directory = Create(new());
        Assert.False(directory.TryFind("one", out _, out var error));
        Assert.Contains("gemma3server pull one", error.Message, StringComparison.Ordinal);
        var file = Pull("a/one-GGUF", "one.gguf");
        Assert.Equal(("one", file), Find(directory, "one"));
        File.Delete(file);
        Assert.False(directory.TryFind("one", out _, out _));
    }

    [Fact]
    public void TryFind_PulledOnesAreNotServed_AreUnknown()
    {
        Pull("a/one-GGUF", "one.gguf");
        var directory = Create(new() { ServePulled = false });
        Assert.False(directory.TryFind("one", out _, out var error));
        Assert.Equal("The model 'one' does not exist here; this server has 'default'.", error.Message);
    }

    [Fact]
    public void FindFaults_WrongNames_OneLineEach()
    {
        Pull("a/one-GGUF", "one.gguf");
        var options = Options(new()
        {
            Serve = { ["default"] = new() { Path = "one" }, ["two"] = new() { Path = "nowhere.gguf" }, ["one"] = new() },
            Preload = ["one", "onee"],
            Pinned = ["nobody"],
        });
        Assert.Equal(
            [
                "Gemma3:Models:Serve:default has the id of the default model: give it, or that one, another.",
                "Gemma3:Models:Serve:two:Path: There is no file 'nowhere.gguf'.",
            ],
            ModelDirectory.FindFaults(options));
        var directory = new ModelDirectory(Options(new() { Preload = ["one", "onee"], Pinned = ["nobody"] }), TimeProvider.System);
        Assert.Equal(
            [
                "Gemma3:Models:Preload: The model 'onee' does not exist here; did you mean one?",
                "Gemma3:Models:Pinned: The model 'nobody' does not exist here; this server has 'default', 'one'.",
            ],
            directory.FindNameFaults());
        Assert.Equal(["default", "one"], directory.AtStart.Select(model => model.Id));
    }

    public void Dispose() => _store.Delete(recursive: true);

    private static (string Id, string? Path) Find(ModelDirectory directory, string name) =>
        directory.TryFind(name, out var model, out var error) ? (model.Id, model.Options.Model.Path) : throw new InvalidOperationException(error.Message);

    private ModelDirectory Create(ModelsSettings models) => new(Options(models), TimeProvider.System);

    private Gemma3ServerOptions Options(ModelsSettings models) => new()
    {
        Model = new() { Id = "default", Path = "default.gguf" },
        Models = models with { Directory = _store.FullName },
        Catalog = new()
        {
            ["one"] = new()
            {
                Aliases = ["gemma3:one"],
                Source = "a",
                Sources = new()
                {
                    ["a"] = new() { Repository = "a/one-GGUF", File = new() { Path = "one.gguf" } },
                    ["b"] = new() { Repository = "b/one-GGUF", File = new() { Path = "one-b.gguf" } },
                },
            },
        },
    };

    private string Pull(string repository, string file, bool receipt = false)
    {
        var store = new ModelStore(_store.FullName);
        var path = store.PathOf(repository, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "");
        if (receipt) store.Write(new(repository, "", file, 0, "", DateTimeOffset.UnixEpoch));
        return path;
    }
}
