using Gemma3Server.Cli;

return await CommandLine.RunAsync(args, Console.Out, Console.Error);
