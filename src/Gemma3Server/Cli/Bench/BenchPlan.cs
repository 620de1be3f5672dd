namespace Gemma3Server.Cli.Bench;

/// <summary>What a benchmark measures.</summary>
/// <param name="Streams">Numbers of simultaneous streams, ascending.</param>
/// <param name="PromptTokens">Length of each prompt, about.</param>
/// <param name="Tokens">Tokens that each stream generates.</param>
/// <param name="Rounds">Rounds of every measurement.</param>
internal sealed record BenchPlan(int[] Streams, int PromptTokens, int Tokens, int Rounds)
{
    /// <summary>The chat template around a prompt takes about 10 tokens, and a prompt may be a word too long.</summary>
    public const int Slack = 64;

    private const int ContextStep = 256;

    /// <summary>A context that holds prompt, template and answer, in the library's steps of 256.</summary>
    public int ContextLength => (int)Math.Min(int.MaxValue, ((long)PromptTokens + Tokens + Slack + ContextStep - 1) / ContextStep * ContextStep);

    /// <summary>Checks that a stream fits into a context.</summary>
    /// <exception cref="CommandFault">It does not.</exception>
    public void RequireFits(int context)
    {
        if ((long)PromptTokens + Tokens + Slack > context)
        {
            throw new CommandFault(
                $"--context {context} cannot hold --prompt-tokens {PromptTokens} and --tokens {Tokens}: it must be at least {(long)PromptTokens + Tokens + Slack}.",
                Hosting.ExitCode.WrongUsage);
        }
    }
}
