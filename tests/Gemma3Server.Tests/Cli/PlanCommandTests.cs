using System.Text.Json;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Cli;

public sealed class PlanCommandTests : IDisposable
{
    private static readonly string Pocket = Path.Combine(Repository.Root, "src/Gemma3Server/Models/gemma-3-pocket-it-qat-q4_0.gguf");
    private readonly string _models = Directory.CreateTempSubdirectory("gemma3server-plan-").FullName;

    [Fact]
    public async Task Plan_NothingGiven_IsATableOfAllModelsOnAllCards()
    {
        var run = await RunAsync();
        Assert.Equal((0, ""), (run.Code, run.Error));
        string[][] rows = [.. run.Output.Split('\n').Where(line => line.StartsWith('|')).Select(line => line.Split('|', StringSplitOptions.TrimEntries)[1..^1])];
        Assert.Equal(["", "8 GB", "12 GB", "16 GB", "24 GB", "32 GB", "48 GB", "80 GB"], rows[0]);
        Assert.Equal(["270m (ggml-org)", "1b (google)", "4b (google)", "12b (google)", "27b (google)"], rows[2..].Select(row => row[0]));
        Assert.Matches("^[0-9]+/62 layers, [0-9.]+ times slower$", rows[^1][1]);
        Assert.Matches("^4 x [0-9]+k; [0-9]+$", rows[^1][4]);
        Assert.Contains("host 51 GB/s", run.Output, StringComparison.Ordinal);
        Assert.All(run.Output.Split('\n').Where(line => line.StartsWith('|')), line => Assert.Contains(line.TrimEnd(), Repository.Read("README.md"), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Plan_OneModelOnOneCard_ShowsTheParts()
    {
        var run = await RunAsync("--model", "google/gemma-3-27b-it-qat-q4_0-gguf", "--gpu", "24GB", "--images");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.StartsWith("27b (google), f16 KV, on 24 GB GPU", run.Output, StringComparison.Ordinal);
        string[] parts = ["weights", "token embeddings", "global KV", "sliding-window KV", "compute buffers", "logits", "projector", "overhead", "in all", "free"];
        Assert.Equal(parts, run.Output.Split('\n').Where(line => line.StartsWith('|')).Skip(2).Select(line => line.Split('|', StringSplitOptions.TrimEntries)[1]));
        Assert.Contains("all layers on the GPU.", run.Output, StringComparison.Ordinal);
        Assert.Contains("936 GB/s on the GPU and 51 GB/s on the host", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_Json_HasPartsThatAddUpAndCacheTypesThatShrinkThem()
    {
        var (wide, narrow) = (await DeviceAsync("--model", "12b", "--gpu", "16GB", "--users", "2", "--context", "16k"),
            await DeviceAsync("--model", "12b", "--gpu", "16GB", "--users", "2", "--context", "16k", "--kv", "q8_0"));
        Assert.Equal((2, 16_384, true), (wide.GetProperty("users").GetInt32(), wide.GetProperty("context_length").GetInt32(), wide.GetProperty("fits").GetBoolean()));
        Assert.Equal(64L * 1024 * 2 * 16_384, Gpu(wide, "global_kv"));
        Assert.Equal(320L * 1024 * ((2 * 1024) + 512), Gpu(wide, "sliding_window_kv")); // one pool: a micro batch for all
        Assert.Equal(64L * 1024 * 2 * 16_384 / 64 * 34, Gpu(narrow, "global_kv"));
        string[] parts = ["weights", "token_embeddings", "global_kv", "sliding_window_kv", "compute_buffers", "logits", "projector", "overhead"];
        Assert.Equal(Gpu(wide, "total"), parts.Sum(part => Gpu(wide, part)));
        Assert.Equal(wide.GetProperty("gpu_bytes").GetInt64(), Gpu(wide, "total") + Gpu(wide, "free"));
        Assert.True(narrow.GetProperty("largest_context").GetInt32() > wide.GetProperty("largest_context").GetInt32());
    }

    [Fact]
    public async Task Plan_WholeDoesNotFit_IsSlowerTheSlowerTheHostIs()
    {
        var (slow, fast) = (await DeviceAsync("--model", "27b", "--gpu", "12GB", "--ram-bandwidth", "25", "--gpu-bandwidth", "500"),
            await DeviceAsync("--model", "27b", "--gpu", "12GB", "--ram-bandwidth", "100", "--gpu-bandwidth", "500"));
        Assert.InRange(slow.GetProperty("gpu_layers").GetInt32(), 1, 61);
        Assert.Equal(slow.GetProperty("gpu_layers").GetInt32(), fast.GetProperty("gpu_layers").GetInt32());
        Assert.True(slow.GetProperty("slowdown").GetDouble() > fast.GetProperty("slowdown").GetDouble() && fast.GetProperty("slowdown").GetDouble() > 1);

        // Everything that one token reads, at the memory that holds it: the slowdown in the same figures.
        var host = slow.GetProperty("host");
        var users = slow.GetProperty("users").GetInt32();
        var gpuRead = Gpu(slow, "weights") + Gpu(slow, "token_embeddings") + (double)(Gpu(slow, "global_kv") + Gpu(slow, "sliding_window_kv")) / users;
        var hostRead = host.GetProperty("weights").GetInt64() + (double)(host.GetProperty("global_kv").GetInt64() + host.GetProperty("sliding_window_kv").GetInt64()) / users;
        Assert.Equal((gpuRead / 500 + hostRead / 25) / ((gpuRead + hostRead) / 500), slow.GetProperty("slowdown").GetDouble(), 0.01);
        Assert.Equal(1e9 / (gpuRead / 500 + hostRead / 25), slow.GetProperty("most_tokens_per_second").GetDouble(), 0.1);
    }

    [Fact]
    public async Task Plan_UsersThatDoNotFit_AreToldWhy()
    {
        var device = await DeviceAsync("--model", "27b", "--gpu", "24GB", "--ram", "4GB", "--users", "64", "--context", "32k");
        Assert.False(device.GetProperty("fits").GetBoolean());
        Assert.Contains("32768 positions for 64 sequences needs", device.GetProperty("shortage").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_File_ReadsItsOwnHeader()
    {
        using var document = JsonDocument.Parse((await RunAsync("--model", Pocket, "--gpu", "8GB", "--json")).Output);
        var model = document.RootElement.GetProperty("data")[0];
        Assert.True(model.GetProperty("here").GetBoolean());
        Assert.InRange(model.GetProperty("weight_bytes").GetInt64(), new FileInfo(Pocket).Length / 2, new FileInfo(Pocket).Length);
    }

    [Fact]
    public async Task Plan_PulledModel_ReadsItsFile()
    {
        var file = Path.Combine(_models, "ggml-org", "gemma-3-270m-it-qat-GGUF", "gemma-3-270m-it-qat-Q4_0.gguf");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.Copy(Pocket, file);
        using var document = JsonDocument.Parse((await RunAsync("--model", "gemma3:270m", "--gpu", "8GB", "--json")).Output);
        var model = document.RootElement.GetProperty("data")[0];
        Assert.Equal(("270m", "ggml-org", true), (model.GetProperty("model").GetString(), model.GetProperty("source").GetString(), model.GetProperty("here").GetBoolean()));
        Assert.InRange(model.GetProperty("weight_bytes").GetInt64(), 1, new FileInfo(Pocket).Length);
    }

    [Theory]
    [InlineData("270m")]
    [InlineData("gemma3:270m")]
    [InlineData("pocket")]
    public async Task Plan_DraftModelByNameOrFile_IsCounted(string draft)
    {
        string[] wish = ["--model", "12b", "--gpu", "12GB", "--users", "2"];
        var (alone, beside) = (await DeviceAsync(wish), await DeviceAsync([.. wish, "--draft", draft == "pocket" ? Pocket : draft]));
        Assert.False(alone.GetProperty("gpu").TryGetProperty("draft_model", out _));
        Assert.True(Gpu(beside, "draft_model") > 0 && beside.GetProperty("host").GetProperty("draft_model").GetInt64() > 0);
        string[] parts = ["weights", "token_embeddings", "global_kv", "sliding_window_kv", "compute_buffers", "logits", "projector", "overhead", "draft_model"];
        Assert.Equal(Gpu(beside, "total"), parts.Sum(part => Gpu(beside, part)));
        Assert.True(beside.GetProperty("fits").GetBoolean());
        Assert.True(beside.GetProperty("most_users").GetInt32() <= alone.GetProperty("most_users").GetInt32());
        Assert.True(beside.GetProperty("largest_context").GetInt32() < alone.GetProperty("largest_context").GetInt32());
    }

    [Fact]
    public async Task Plan_DraftModelThatDoesNotFitBesideIt_IsTold()
    {
        var device = await DeviceAsync("--model", "12b", "--gpu", "9GB", "--users", "1", "--context", "4k", "--draft", "4b", "--set", "Runtime:GpuLayers=49");
        Assert.False(device.GetProperty("fits").GetBoolean());
        Assert.StartsWith("It fits, but not its draft model beside it", device.GetProperty("shortage").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_Source_DecidesTheEmbeddings()
    {
        // The files of the repositories, less their headers of about 7 MB.
        Assert.InRange(await WeightsAsync("google"), 17_229_630_496 - 20_000_000, 17_229_630_496);
        Assert.InRange(await WeightsAsync("ggml-org"), 15_908_791_488 - 20_000_000, 15_908_791_488);

        async Task<long> WeightsAsync(string source)
        {
            using var document = JsonDocument.Parse((await RunAsync("--model", "27b", "--source", source, "--json")).Output);
            return document.RootElement.GetProperty("data")[0].GetProperty("weight_bytes").GetInt64();
        }
    }

    [Fact]
    public async Task Plan_Detect_PlansThisMachine()
    {
        var device = await DeviceAsync("--model", "270m", "--detect");
        Assert.StartsWith("this machine", device.GetProperty("device").GetString(), StringComparison.Ordinal);
        Assert.True(device.GetProperty("host_bytes").GetInt64() > 0);
    }

    [Theory]
    [InlineData("--gpu must be from 512MB to 4096GB, such as 24GB, but is '0'.", "--gpu", "0")]
    [InlineData("--users must be a whole number from 1 to 256, but is '300'.", "--users", "300")]
    [InlineData("--context must be a number of tokens such as 8192 or 16k from 1 to 131072, but is '1m'.", "--context", "1m")]
    [InlineData("--context must be at most 32768, which '1b' was trained for, but is 65536.", "--context", "64k", "--model", "1b")]
    [InlineData("--kv must be one of f16, q8_0, q4_0, bf16, f32, but is 'q3'.", "--kv", "q3")]
    [InlineData("--model '28b' is no file and no model that is known or has been pulled; did you mean 27b or 12b?", "--model", "28b")]
    [InlineData("--draft '28b' is no file and no model that is known or has been pulled; did you mean 27b or 12b?", "--model", "27b", "--draft", "28b")]
    [InlineData("--source 'x' is none of 27b: it has ggml-org, google.", "--model", "27b", "--source", "x")]
    [InlineData("--ram-bandwidth must be from 1 to 100000 GB a second, but is '0'.", "--ram-bandwidth", "0")]
    public async Task Plan_WrongValue_IsOneLineWithFlagBoundAndValue(string message, params string[] arguments)
    {
        var run = await RunAsync(arguments);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Equal(message, run.ErrorLines[0]);
    }

    public void Dispose() => Directory.Delete(_models, recursive: true);

    private Task<CommandRun> RunAsync(params string[] arguments) => CommandRun.RunAsync("", ["plan", "--models-dir", _models, .. arguments]);

    private async Task<JsonElement> DeviceAsync(params string[] arguments)
    {
        var run = await RunAsync([.. arguments, "--json"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        using var document = JsonDocument.Parse(run.Output);
        return document.RootElement.GetProperty("data")[0].GetProperty("devices")[0].Clone();
    }

    private static long Gpu(JsonElement device, string part) => device.GetProperty("gpu").GetProperty(part).GetInt64();
}
