namespace Gemma3Server.Hosting;

/// <summary>The plain native loop, for comparison.</summary>
/// <param name="Hardware">What it runs on.</param>
/// <param name="Run">Generates a number of tokens after each prompt, all prompts in one batch a step.</param>
/// <param name="Context">Its KV memory; disposed with this.</param>
internal sealed record NativeBaseline(string Hardware, Func<int[][], int, NativeBaseline.Result> Run, IDisposable Context) : IDisposable
{
    /// <summary>What a run measured.</summary>
    /// <param name="PrefillRate">Prompt tokens a second.</param>
    /// <param name="DecodeRate">Generated tokens a second, of all sequences.</param>
    /// <param name="Tokens">The tokens of each sequence.</param>
    internal sealed record Result(double PrefillRate, double DecodeRate, IReadOnlyList<int[]> Tokens);

    public void Dispose() => Context.Dispose();
}
