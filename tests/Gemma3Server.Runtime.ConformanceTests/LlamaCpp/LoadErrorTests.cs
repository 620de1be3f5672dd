using System.Text;
using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

/// <summary>What a user reads when loading fails: one line that names the file or option and says what to do.</summary>
public sealed class LoadErrorTests : IDisposable
{
    private readonly string _path = Path.Combine(AppContext.BaseDirectory, $"{Guid.NewGuid():N}.gguf");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Load_MissingFile_NamesItAndWhatToDo() =>
        AssertFails(TinyCheckpoint.Options with { ModelPath = _path }, _path, "does not exist", "download");

    [Fact]
    public void Load_Folder_AsksForTheFile() =>
        AssertFails(TinyCheckpoint.Options with { ModelPath = AppContext.BaseDirectory }, "is a folder");

    [Fact]
    public void Load_Garbage_SaysItIsNoGguf()
    {
        File.WriteAllText(_path, "<html>not found</html>");
        AssertFails(TinyCheckpoint.Options with { ModelPath = _path }, _path, "not a usable GGUF file", "download");
    }

    [Fact]
    public void Load_EmptyFile_SaysItIsNoGguf()
    {
        File.WriteAllText(_path, "");
        AssertFails(TinyCheckpoint.Options with { ModelPath = _path }, "not a usable GGUF file");
    }

    [Theory]
    [InlineData(8)]
    [InlineData(30)]
    [InlineData(2000)]
    public void Load_TruncatedHeader_SaysSo(int length)
    {
        File.WriteAllBytes(_path, File.ReadAllBytes(TinyCheckpoint.Path)[..length]);
        AssertFails(TinyCheckpoint.Options with { ModelPath = _path }, _path, "truncated", "download it again");
    }

    [Fact]
    public void Load_TruncatedTensors_TellsBothSizes()
    {
        var whole = File.ReadAllBytes(TinyCheckpoint.Path);
        File.WriteAllBytes(_path, whole[..^1000]);
        AssertFails(TinyCheckpoint.Options with { ModelPath = _path }, _path, "truncated", $"has {whole.Length - 1000}");
    }

    [Fact]
    public void Load_AnotherArchitecture_IsRefusedByName()
    {
        var bytes = File.ReadAllBytes(TinyCheckpoint.Path);
        var key = bytes.AsSpan().IndexOf("general.architecture"u8);
        var value = key + bytes.AsSpan(key).IndexOf("gemma3"u8);
        Encoding.ASCII.GetBytes("gemma2").CopyTo(bytes, value);
        File.WriteAllBytes(_path, bytes);
        AssertFails(TinyCheckpoint.Options with { ModelPath = _path }, _path, "'gemma2'", "Gemma 3");
    }

    public static TheoryData<string, LlamaCppOptions, string> BadOptions => new()
    {
        { "Parallel", TinyCheckpoint.Options with { Parallel = -1 }, "0 to 256" },
        { "Parallel", TinyCheckpoint.Options with { Parallel = 257 }, "0 to 256" },
        { "ContextLength", TinyCheckpoint.Options with { ContextLength = -1 }, "0 to" },
        { "ContextLength", TinyCheckpoint.Options with { ContextLength = 2_000_000_000 }, "was trained for" },
        { "BatchTokens", TinyCheckpoint.Options with { BatchTokens = 0 }, "1 to" },
        { "MicroBatchTokens", TinyCheckpoint.Options with { MicroBatchTokens = 0 }, "1 to" },
        { "Threads", TinyCheckpoint.Options with { Threads = -1 }, "0 to" },
        { "KeyCacheType", TinyCheckpoint.Options with { KeyCacheType = "q3" }, "q8_0" },
        { "ValueCacheType", TinyCheckpoint.Options with { ValueCacheType = "" }, "q8_0" },
        { "ValueCacheType", TinyCheckpoint.Options with { ValueCacheType = "q8_0", FlashAttention = false }, "flash attention" },
        { "context", TinyCheckpoint.Options with { SharedCells = true, SharedCellCount = 2_000_000_000 }, "are free" },
        { TestLibrary.Directory is null ? "host memory (weights 1, KV " : "KV ", TinyCheckpoint.Options with { SharedCells = true, SharedCellCount = 2_000_000_000 }, "compute" },
    };

    [Theory]
    [MemberData(nameof(BadOptions), DisableDiscoveryEnumeration = true)]
    public void Load_BadOption_NamesItAndItsBounds(string name, LlamaCppOptions options, string rule) => AssertFails(options, name, rule);

    [Fact]
    public void Load_AnotherLibraryDirectory_IsRefused()
    {
        using var loaded = TinyCheckpoint.Load();
        AssertFails(TinyCheckpoint.Options with { LibraryDirectory = AppContext.BaseDirectory }, "already loaded");
    }

    private static void AssertFails(LlamaCppOptions options, params string[] parts)
    {
        var error = Assert.Throws<ModelLoadException>(() => LlamaCppRuntime.Load(options, NullLoggerFactory.Instance));
        Assert.DoesNotContain('\n', error.Message);
        Assert.All(parts, part => Assert.Contains(part, error.Message, StringComparison.OrdinalIgnoreCase));
    }
}
