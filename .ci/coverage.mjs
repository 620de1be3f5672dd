// Adds up the line coverage of all test projects and fails where the engine or the protocol code falls under its floor.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const floors = [
  { name: 'Engine', floor: 0.85, match: (file) => file.includes('/src/Gemma3Server.Engine/') },
  { name: 'Protocol (Api, Chat)', floor: 0.85, match: (file) => /\/src\/Gemma3Server\/(Api|Chat)\//.test(file) },
];
const isGenerated = (file) => file.includes('/obj/') || file.endsWith('.g.cs');

const lines = new Map(); // "file:line" -> covered by any project
const reports = readdirSync(process.argv[2], { recursive: true }).filter((f) => f.endsWith('.cobertura.xml'));
for (const report of reports) {
  let file = '';
  for (const match of readFileSync(join(process.argv[2], report), 'utf8').matchAll(/<class [^>]*filename="([^"]+)"|<line number="(\d+)" hits="(\d+)"/g)) {
    if (match[1] !== undefined) file = match[1].replaceAll('\\', '/');
    else if (!isGenerated(file)) {
      const key = `${file}:${match[2]}`;
      lines.set(key, (lines.get(key) ?? false) || match[3] !== '0');
    }
  }
}

let failed = reports.length === 0;
if (failed) console.error('coverage: no report was written');
for (const { name, floor, match } of floors) {
  const mine = [...lines].filter(([key]) => match(key));
  const share = mine.filter(([, covered]) => covered).length / mine.length;
  const low = !(share >= floor);
  failed ||= low;
  console.log(`coverage: ${name} ${(share * 100).toFixed(1)} % of ${mine.length} lines (floor ${floor * 100} %)${low ? '  TOO LOW' : ''}`);
}
process.exit(failed ? 1 : 0);
