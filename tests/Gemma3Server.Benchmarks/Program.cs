using System.CommandLine;
using BenchmarkDotNet.Running;
using Gemma3Server.Benchmarks;
using Gemma3Server.Benchmarks.Scenarios;

// bench ...      the end-to-end scenario of the command line: native loop, engine and HTTP in one run; synth ... writes a checkpoint for it
// scenarios ...  the engine's mechanisms, each beside the bare native loop and beside itself switched off
// soak ...       a long mixed load with cancellations and bad requests, and what it leaves behind
// cancel ...     how soon sequences are free after their clients have gone
// arrivals F     streams beside long prompts that arrive: the step budget on and off
// chunks F [N] [shared]  what a step of N streams takes with so many rows of a prompt in it
// agreement U V  greedy answers of two servers of one checkpoint, such as a GPU's and a CPU's: where and how closely they part
// rows F [shared]  what rows of one native call cost, of one stream and beside others: the bound of what speculation gains
// sampler        this server's sampler and llama.cpp's own, in one table
// grammar F [streams|masks] [--json FILE]  constrained decoding on F's vocabulary: masks beside llama.cpp's and compile times; streams beside free ones
// otherwise      BenchmarkDotNet's micro-benchmarks, with its own arguments (--filter '*Sampler*')
return args switch
{
    ["bench" or "synth", ..] => await Gemma3Server.Cli.CommandLine.RunAsync(args, Console.Out, Console.Error),
    ["scenarios" or "soak", ..] => await new RootCommand { ScenariosCommand.Create(), SoakCommand.Create() }.Parse(args).InvokeAsync(),
    ["cancel", var model, .. var rest] => await CancelScenario.RunAsync(model, rest is [var streams] ? int.Parse(streams) : 100),
    ["arrivals", var model, .. var rest] => await ArrivalScenario.RunAsync(
        model, rest is [var streams, ..] ? int.Parse(streams) : 8, rest is [_, var tokens] ? int.Parse(tokens) : 4000),
    ["agreement", var first, var second] => await AgreementScenario.RunAsync(first, second),
    ["grammar", var model, .. var rest] => await GrammarScenario.RunAsync(model, rest),
    ["chunks", var model, .. var rest] => ChunkScenario.Run(model, rest is [var streams, ..] ? int.Parse(streams) : 8, rest is [_, "shared"]),
    ["rows", var model, .. var rest] => RowCosts.Run(model, sharedCells: rest is ["shared"]),
    ["sampler"] => SamplerScenario.Run(),
    _ => BenchmarkSwitcher.FromAssembly(typeof(CancelScenario).Assembly).Run(args).Any() ? 0 : 1,
};
