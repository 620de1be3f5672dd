using System.Text.RegularExpressions;
using System.Xml.Linq;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests;

/// <summary>The arrows and rules of the design, read from the sources.</summary>
public sealed partial class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Gemma3Server"] = ["Gemma3Server.Engine", "Gemma3Server.Runtime", "Gemma3Server.Runtime.LlamaCpp"],
        ["Gemma3Server.Engine"] = ["Gemma3Server.Runtime"],
        ["Gemma3Server.Runtime"] = [],
        ["Gemma3Server.Runtime.LlamaCpp"] = ["Gemma3Server.Runtime"],
        ["Gemma3Pocket"] = ["Gemma3Pocket.Curriculum", "Gemma3Server.Runtime.LlamaCpp"],
        ["Gemma3Pocket.Curriculum"] = [],
        ["Gemma3Pocket.Tests"] = ["Gemma3Pocket"],
        ["Gemma3Server.Testing"] = ["Gemma3Server.Runtime"],
    };

    [Fact]
    public void Projects_References_AreTheArrowsOfTheDesign()
    {
        var projects = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.csproj", SearchOption.AllDirectories)
            .Append(Path.Combine(Repository.Root, "tests", "Gemma3Server.Testing", "Gemma3Server.Testing.csproj"));
        var found = projects.ToDictionary(
            file => Path.GetFileNameWithoutExtension(file),
            file => XDocument.Load(file).Descendants("ProjectReference")
                .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/'))).Order().ToArray());
        Assert.Equal(Arrows.Keys.Order(), found.Keys.Order());
        Assert.All(found, project => Assert.Equal(Arrows[project.Key], project.Value));
    }

    [Fact]
    public void Packages_OfTheContract_AreNone() => Assert.Empty(
        XDocument.Parse(Repository.Read("src/Gemma3Server.Runtime/Gemma3Server.Runtime.csproj")).Descendants("PackageReference"));

    /// <summary>
    /// <c>synth</c>, <c>inspect</c>, <c>plan</c> and the files of <c>bench --shape</c> are the exceptions: they write and read a file format and run no model, so that there is no
    /// runtime to choose. The format's code lives beside llama.cpp's because GGUF, and how much memory it takes, is that project's.
    /// </summary>
    [Fact]
    public void ConcreteRuntime_IsNamedByTheCompositionRootOnly()
    {
        string[] formats =
        [
            "src/Gemma3Server/Cli/Bench/ShapeCheckpoint.cs", "src/Gemma3Server/Cli/Inspect/InspectJson.cs", "src/Gemma3Server/Cli/Inspect/InspectReport.cs", "src/Gemma3Server/Cli/SynthCommand.cs",
            "src/Gemma3Server/Planning/CapacityPlanner.cs", "src/Gemma3Server/Planning/MemoryUse.cs", "src/Gemma3Server/Planning/PlanSubject.cs",
        ];
        Assert.Equal(
            formats.Append("src/Gemma3Server/Hosting/CompositionRoot.cs").Order(StringComparer.Ordinal), Containing("src/Gemma3Server", ConcreteRuntime));
        var names = formats.SelectMany(file => ConcreteNamespace.Matches(WithoutComments(Repository.Read(file))).Select(match => match.Value));
        Assert.All(names, name => Assert.Contains(name, new[] { "Runtime.LlamaCpp.Gguf.Synthetic", "Runtime.LlamaCpp.Gguf.Inspection", "Runtime.LlamaCpp.Planning" }));
    }

    [Fact]
    public void NativeImports_StandUnderInteropOnly() =>
        Assert.All(Containing("src", NativeImport), file => Assert.StartsWith("src/Gemma3Server.Runtime.LlamaCpp/Interop/", file, StringComparison.Ordinal));

    [Fact]
    public void NativeImports_Exist() => Assert.NotEmpty(Containing("src", NativeImport));

    /// <summary>The KV cache has two rooms for it. The evaluator has runtimes of its own, without scheduler and cache, and gives back the sequences that it used.</summary>
    [Fact]
    public void SequenceMemory_IsTouchedByTheKvCacheAndTheEvaluatorOnly() => Assert.Equal(
        [
            "src/Gemma3Server.Engine/Caching/HostMemory.cs", "src/Gemma3Server.Engine/Caching/IdContents.cs", "src/Gemma3Server.Engine/Evaluation/Evaluator.cs",
            "src/Gemma3Server.Engine/Speculation/DraftModel.cs",
        ],
        Containing("src/Gemma3Server.Engine", MemoryCall));

    /// <summary>The evaluator wants the logits of every row; the model runner those of last rows of sequences that generate.</summary>
    [Fact]
    public void Forward_IsCalledByTheModelRunnerAndTheEvaluatorOnly() => Assert.Equal(
        ["src/Gemma3Server.Engine/Evaluation/Evaluator.cs", "src/Gemma3Server.Engine/Execution/ModelRunner.cs", "src/Gemma3Server.Engine/Speculation/DraftModel.cs"], Containing("src/Gemma3Server.Engine", ForwardCall));

    [Fact]
    public void Engine_KnowsNoWebAndNoNativeCode() => Assert.Empty(Containing("src/Gemma3Server.Engine", WebOrNative));

    [Fact]
    public void Sources_AreShort() => Assert.DoesNotContain(
        new[] { "src", "tests" }.SelectMany(Repository.Sources), file => Repository.Read(file).Count(c => c == '\n') > 600);

    [Fact]
    public void Program_IsShort() => Assert.InRange(Repository.Read("src/Gemma3Server/Program.cs").Count(c => c == '\n'), 1, 59);

    private static IEnumerable<string> Containing(string folder, Regex pattern) =>
        Repository.Sources(folder).Where(file => pattern.IsMatch(WithoutComments(Repository.Read(file)))).Order(StringComparer.Ordinal);

    private static string WithoutComments(string source) => Comment.Replace(source, "");

    [GeneratedRegex(@"//[^\n]*")]
    private static partial Regex Comment { get; }

    [GeneratedRegex(@"\bRuntime\.(LlamaCpp|LLamaSharp)\b|\bLlamaCpp(Runtime|Options)\b|\bLLamaSharp")]
    private static partial Regex ConcreteRuntime { get; }

    [GeneratedRegex(@"\bRuntime\.(LlamaCpp|LLamaSharp)[\w.]*")]
    private static partial Regex ConcreteNamespace { get; }

    [GeneratedRegex(@"\[(LibraryImport|DllImport)\b")]
    private static partial Regex NativeImport { get; }

    [GeneratedRegex(@"[rR]untime\.(Rewind|TryFork|Snapshot|Restore|Release)\(")]
    private static partial Regex MemoryCall { get; }

    [GeneratedRegex(@"[rR]untimes?(\[\w+\])?\.(Forward|ForwardMedia|Logits)\(")]
    private static partial Regex ForwardCall { get; }

    [GeneratedRegex(@"Microsoft\.AspNetCore|llama_|LlamaCpp")]
    private static partial Regex WebOrNative { get; }
}
